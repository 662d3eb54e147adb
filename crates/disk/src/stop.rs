//! A signal asks a run to stop: it ends at its next write or read with an error, so that everything on its way back
//! removes what it has made. What has been put in place is brought to its end first.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pra_core::{Code, Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether a stop was requested; unset if this process does not listen for signals.
static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// How many are past the point where stopping would leave something half done.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Runs a verb that stops at the first SIGTERM or SIGINT, and at the second one at once.
///
/// # Errors
/// What the verb returns; [`Code::Stopped`] where it failed after it was asked to stop.
pub fn stoppable<T>(verb: impl FnOnce() -> Result<T>) -> Result<T> {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, Code::Stopped.exit_code().into(), Arc::clone(asked))
            .and_then(|_| flag::register(signal, Arc::clone(asked)))
            .map_err(|e| Error::new(Code::Failed, "failed to listen for signals").because(e))?;
    }
    match verb() {
        Err(error) if is_asked() && error.code() != Code::Stopped => Err(stopped().because(error)),
        done => done,
    }
}

/// Fails once the run is to stop.
///
/// # Errors
/// [`Code::Stopped`].
pub fn check() -> Result<()> {
    if is_asked() && HELD.load(Ordering::Relaxed) == 0 { Err(stopped()) } else { Ok(()) }
}

fn is_asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}

fn stopped() -> Error {
    Error::new(Code::Stopped, "stopped by a signal")
        .hint("the database and the backups are as they were, and the temporary files are removed: run this again")
}

/// While it lives, the run ignores requests to stop.
#[derive(Debug)]
pub struct Held(());

/// From here on there is work that has to be finished.
#[must_use]
pub fn hold() -> Held {
    HELD.fetch_add(1, Ordering::Relaxed);
    Held(())
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}
