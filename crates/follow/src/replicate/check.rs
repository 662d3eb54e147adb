//! What SQLite's checks say of a database whose epoch begins, and with each snapshot: the replica is as sound as it is, and that is said where it
//! is made and not only where it is restored.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use disk::read_back::findings::{self, Findings};
use disk::sqlite;
use pra_core::Result;
use rusqlite::{ErrorCode, InterruptHandle};

use super::outbox::Outbox;
/// Longest wait for a lock.
const WAIT: Duration = Duration::from_secs(5);

/// The check of a base, beside the engine. In rollback-journal mode a check would lock writers out: there `backup` says
/// what it finds, and nothing is checked here.
#[derive(Default)]
pub(super) struct Check {
    is_due: bool,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<rusqlite::Result<Findings>>,
    interrupt: InterruptHandle,
}

impl Check {
    /// A base was made: an epoch's first file, or a snapshot.
    pub(super) fn require(&mut self) {
        self.is_due = true;
    }

    /// Starts it where it is due, and says what was found once it has ended. The database is in WAL mode.
    pub(super) fn advance(&mut self, database: &Path, outbox: &Outbox) {
        if let Some(running) = self.running.take_if(|running| running.thread.is_finished()) {
            self.end(running, database, outbox);
        }
        if self.is_due && self.running.is_none() {
            match Running::start(database) {
                Ok(running) => self.running = Some(running),
                Err(error) => {
                    self.is_due = false;
                    tracing::warn!(error = error.chain(), "the database could not be checked");
                }
            }
        }
    }

    /// Waits for what was begun.
    pub(super) fn finish(&mut self, database: &Path, outbox: &Outbox) {
        if let Some(running) = self.running.take() {
            self.end(running, database, outbox);
        }
    }

    /// Lets go of the database. What was not ended is begun anew.
    pub(super) fn close(&mut self, database: &Path, outbox: &Outbox) {
        if let Some(running) = self.running.take() {
            running.interrupt.interrupt();
            self.end(running, database, outbox);
        }
    }

    fn end(&mut self, running: Running, database: &Path, outbox: &Outbox) {
        let database = database.display();
        match running.thread.join() {
            Ok(Err(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => return,
            Ok(Err(error)) => tracing::warn!(%database, %error, "the database could not be checked"),
            Err(_panic) => tracing::error!(%database, "the thread that checks the database panicked"),
            Ok(Ok(Findings { problem, warnings })) => {
                if let Some(problem) = problem {
                    tracing::error!(%database, problem, "the database is damaged, and so is what is replicated");
                }
                for warning in &warnings {
                    tracing::warn!(%database, warning, "the replica is as sound as the database, which has this");
                }
                outbox.was_checked(warnings);
            }
        }
        self.is_due = false;
    }
}

impl Running {
    fn start(database: &Path) -> Result<Self> {
        // Its own: a check leaves stand-ins behind.
        let connection = sqlite::open_live(database, WAIT)?;
        let interrupt = connection.get_interrupt_handle();
        Ok(Self { thread: std::thread::spawn(move || findings::of(&connection)), interrupt })
    }
}
