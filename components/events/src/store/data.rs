//! A connection to the data, and waiting for its lock.

use std::cell::Cell;
use std::time::Duration;

use super::schedule::{self, Waiting};
use super::{StoreError, init};
use crate::platform::{Connection, Param, Platform, Row, SqlError};

/// The label of the data.
const LABEL: &str = "default";

/// An open connection to the data.
pub(super) struct Data<'p, P: Platform> {
    platform: &'p P,
    connection: P::Connection,
    since: Cell<Duration>,
    waiting: Cell<Waiting>,
}

impl<'p, P: Platform> Data<'p, P> {
    /// Opens the data.
    ///
    /// SQLite before 3.51.3 can lose pages when a checkpoint of one connection races a writer that restarts the WAL.
    /// Spin embeds such a one, so no connection of ours ever checkpoints beside others.
    pub(super) fn open(platform: &'p P) -> Result<Self, SqlError> {
        let connection = platform.open(LABEL)?;
        connection.execute("PRAGMA wal_autocheckpoint=0", &[])?;
        let since = Cell::new(platform.elapsed());
        Ok(Self { platform, connection, since, waiting: Cell::new(Waiting::Turn) })
    }

    /// Opens the data for writing: locks are waited for by [`Self::patiently`], and by SQLite for a millisecond at a
    /// time.
    pub(super) fn open_to_write(platform: &'p P) -> Result<Self, SqlError> {
        let data = Self::open(platform)?;
        data.execute(schedule::BUSY_TIMEOUT, &[])?;
        Ok(data)
    }

    /// Runs one statement.
    pub(super) fn execute(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        self.connection.execute(statement, parameters)
    }

    /// From now on a lock is waited for in this way, for the full time limit.
    pub(super) fn wait(&self, waiting: Waiting) {
        self.since.set(self.platform.elapsed());
        self.waiting.set(waiting);
    }

    /// Runs a step until it is not refused for a lock, or the patience since this connection was opened, or since
    /// [`Self::wait`], is at its end. A step that was refused has changed nothing, so it can be run again.
    pub(super) fn patiently<T>(&self, step: impl Fn() -> Result<T, SqlError>) -> Result<T, SqlError> {
        loop {
            let refused = match step() {
                Err(SqlError::Locked(message)) => SqlError::Locked(message),
                done => return done,
            };
            let now = self.platform.elapsed();
            let random = schedule::mix(u64::from(now.subsec_nanos()));
            match self.waiting.get().pause(now.saturating_sub(self.since.get()), random) {
                Some(pause) => self.platform.sleep(pause),
                None => return Err(refused),
            }
        }
    }
}

/// Does something with the data, and makes the schema first where it is missing and may be made. That is only found
/// out when something fails, so it costs nothing where all is well.
pub(super) fn with_schema<P: Platform, T>(
    platform: &P,
    work: impl Fn() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match work() {
        Err(StoreError::Uninitialised) => {
            init::ensure(platform)?;
            work()
        }
        done => done,
    }
}
