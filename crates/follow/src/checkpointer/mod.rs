//! The checkpointer: holds the database open, so that the application's closes do not checkpoint, and bounds the WAL.
//!
//! ```text
//!            database there, exclusive lock not wanted
//!  waiting ────────────────────────────────────────► holding ── each tick: how long is the log? ── checkpoint
//!     ▲                                                 │
//!     └──── wanted by another, moved, gone, damaged ◄───┘
//! ```
//! Every request of the application opens and closes a connection. Without a held one each close would checkpoint and
//! remove the log, which triples the cost of a single write; and Spin's SQLite loses pages when two checkpoint at once
//! (`wal_autocheckpoint=0` in the application keeps it from that). So one process with a SQLite that has the fix does
//! it for all. In rollback-journal mode there is no log, and a held reader would lock every writer out: it only looks.

mod checkpoint;
mod held;
mod rewrite;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::lock;
use disk::trouble::{self, Trouble};
use held::Held;
use pra_core::latest::Latest;
use pra_core::{Code, Error, Result};

/// The WAL's size above which it is checkpointed. Readers find a page in a short WAL faster, and at 7 MiB a second
/// (eight overlapping writers) this is two checkpoints a second, each of them short.
pub const WAL_LIMIT: u64 = 4 << 20;

/// Time between two looks.
pub const TICK: Duration = Duration::from_millis(250);

/// What to keep, and how closely.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// Time between two looks: [`TICK`].
    pub tick: Duration,
    /// Size of the WAL above which it is checkpointed, in bytes: [`WAL_LIMIT`].
    pub wal_limit: u64,
    /// One look, whatever the WAL's size, then returns.
    pub once: bool,
    /// The first error ends it, instead of being tried again.
    pub gives_up: bool,
    /// Where others can see how it goes.
    pub gauges: Arc<Latest<Stats>>,
}

impl Options {
    /// The usual closeness.
    pub fn new(database: PathBuf) -> Self {
        Self { database, tick: TICK, wal_limit: WAL_LIMIT, once: false, gives_up: false, gauges: Arc::default() }
    }
}

/// What the checkpointer has seen and done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Size of the WAL's file at the last look, in bytes.
    pub wal: u64,
    /// Greatest size of the WAL's file, in bytes.
    pub largest_wal: u64,
    /// Times that pages were moved from the WAL into the database.
    pub checkpoints: u64,
    /// The longest that writers were locked out.
    pub longest_hold: Duration,
    /// Times that the database was opened.
    pub opened: u64,
    /// Whether the database is held open.
    pub holds: bool,
}

/// What works on the database while the checkpointer holds it.
pub(crate) trait Companion {
    /// Moves a reader that is held on to the present state.
    fn advance(&mut self);

    /// The log is about to be moved into the database's file.
    fn before_checkpoint(&mut self);

    /// What was changed in the file since was the checkpointer's doing.
    fn after_checkpoint(&mut self);

    /// Does what is due; returns the time until something is due again. An error ends the checkpointer's work.
    fn look(&mut self) -> Result<Duration>;

    /// Something keeps the database from being looked at; it is tried again.
    fn suffer(&mut self, error: &Error);

    /// Does what is to be done last; the database is still open.
    fn finish(&mut self);

    /// Lets go of the database.
    fn close(&mut self);
}

/// No companion.
struct Alone;

impl Companion for Alone {
    fn advance(&mut self) {}

    fn before_checkpoint(&mut self) {}

    fn after_checkpoint(&mut self) {}

    fn look(&mut self) -> Result<Duration> {
        Ok(Duration::MAX)
    }

    fn suffer(&mut self, _error: &Error) {}

    fn finish(&mut self) {}

    fn close(&mut self) {}
}

/// Keeps the database until `stop` is set.
///
/// # Errors
/// [`Code::Usage`] where SQLite's locks do not hold (a network file system, another machine). With [`Options::once`]
/// whatever fails; else everything is tried again, and said.
pub fn run(options: &Options, stop: &AtomicBool) -> Result<Stats> {
    run_with(options, stop, &mut Alone)
}

/// As [`run`], with a companion.
pub(crate) fn run_with(options: &Options, stop: &AtomicBool, companion: &mut dyn Companion) -> Result<Stats> {
    let mut checkpointer = Checkpointer {
        options,
        stats: Stats::default(),
        held: None,
        log_is_doubtful: false,
        trouble: Trouble::default(),
        companion,
    };
    while !stop.load(Ordering::Relaxed) {
        let pause = match checkpointer.tick() {
            Ok(pause) => pause,
            Err(error) if options.once || options.gives_up || error.code() == Code::Usage => {
                return Err(trouble::explained(error, &options.database));
            }
            Err(error) => checkpointer.suffer(trouble::explained(error, &options.database)),
        };
        checkpointer.stats.holds = checkpointer.held.is_some();
        options.gauges.set(checkpointer.stats);
        if options.once {
            if checkpointer.held.is_none() {
                return Err(nothing_held(&options.database));
            }
            break;
        }
        sleep(pause, stop);
    }
    if checkpointer.held.is_some() {
        checkpointer.companion.finish();
    }
    checkpointer.close("asked to stop");
    let Stats { largest_wal, checkpoints, longest_hold, opened, .. } = checkpointer.stats;
    let longest_hold_seconds = longest_hold.as_secs_f64();
    tracing::info!(
        largest_wal_bytes = largest_wal,
        checkpoints,
        longest_hold_seconds,
        opened,
        "the checkpointer stops"
    );
    Ok(checkpointer.stats)
}

/// Why one look saw nothing.
fn nothing_held(database: &std::path::Path) -> Error {
    if database.exists() {
        return Error::new(Code::Busy, format!("'{}' is empty, or another wants it alone", database.display()))
            .hint("run this again when the restore is done, or the application has made its tables");
    }
    Error::new(Code::Failed, format!("there is no database at '{}'", database.display()))
        .hint("name it with --database; `backup-job init` restores or makes it")
}

struct Checkpointer<'a> {
    options: &'a Options,
    stats: Stats,
    held: Option<Held>,
    /// A sync of the log failed while it was held, and it was not written anew since.
    log_is_doubtful: bool,
    trouble: Trouble,
    companion: &'a mut dyn Companion,
}

impl Checkpointer<'_> {
    /// One look; returns the time until the next.
    fn tick(&mut self) -> Result<Duration> {
        let Options { database, tick, .. } = self.options;
        if lock::is_wanted(database)? {
            self.close("another wants the database alone");
            return Ok(*tick);
        }
        if let Some(held) = &self.held
            && !held.is_in_place(database)?
        {
            self.broken(format!("'{}' was moved or replaced while it was open", database.display()));
            self.close("it is another file now");
        }
        if let Some(held) = &self.held
            && !held.is_locked()?
        {
            self.broken(format!("the folder with the lock of '{}' was removed or replaced", database.display()));
            self.close("its lock is gone");
        }
        if self.held.is_none() {
            self.held = Held::open(database, self.log_is_doubtful)?;
            if self.held.is_none() {
                return Ok(*tick);
            }
            self.stats.opened += 1;
            tracing::info!(database = %database.display(), "the checkpointer holds the database");
        }
        let Some(held) = &mut self.held else { return Ok(*tick) };
        let due = self.companion.look()?;
        let pause = held.look(self.options, &mut self.stats, self.companion)?;
        self.trouble.over();
        Ok(pause.min(due))
    }

    /// What was held is not what is there now.
    fn broken(&mut self, what: String) {
        let error = Error::new(Code::Failed, what);
        tracing::warn!(error = error.chain(), "the database is opened anew");
        self.companion.suffer(&error);
    }

    /// Lets go of the database and of the lock.
    fn close(&mut self, why: &str) {
        if self.held.is_some() {
            // Its connections close before the lock goes.
            self.companion.close();
            self.log_is_doubtful = self.held.take().is_some_and(Held::close);
            tracing::info!(database = %self.options.database.display(), why, "the checkpointer lets go of the database");
        }
    }

    /// Trouble is said, once a minute while it stays the same, and tried again. Returns the time until then.
    fn suffer(&mut self, error: Error) -> Duration {
        match (self.trouble.words(&error), error.code()) {
            (None, _) => tracing::debug!(error = error.chain(), "the checkpointer cannot do its work"),
            (Some(text), Code::Damaged) => {
                tracing::error!(error = text, hint = error.hint_text(), "the database is damaged");
                self.companion.suffer(&error);
            }
            (Some(text), _) => {
                tracing::error!(error = text, hint = error.hint_text(), "the checkpointer cannot do its work");
                self.companion.suffer(&error);
            }
        }
        if error.code() != Code::Busy {
            self.close("it cannot be used");
        }
        self.options.tick
    }
}

/// Sleeps for `pause`, or until `stop` is set.
fn sleep(pause: Duration, stop: &AtomicBool) {
    const STEP: Duration = Duration::from_millis(50);
    let until = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(STEP));
    }
}

#[cfg(test)]
mod tests;
