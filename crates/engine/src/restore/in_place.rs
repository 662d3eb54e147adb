//! A restore as one transaction of the live database: only the pages that differ are written.
//!
//! ```text
//! writers are not blocked                           the write lock is held
//! read snapshot ─ compare all pages ─ safety copy ─┬─ compare what was committed since ─ write ─ read back ─ commit
//!                                                  └─ the safety copy follows, and is synced before the commit
//! ```
//! Readers go on undisturbed, writers wait, and a crash leaves the old data whole. In rollback-journal mode a held
//! reader would lock every writer out, so everything happens under the lock there.

use std::path::Path;
use std::time::{Duration, Instant};

use disk::read_back;
use disk::sqlite::{self, Shape};
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::Options;
use super::catch_up::catch_up;
use super::compare::{self, Difference};
use super::estimate::{Cost, require_short};
use super::safety_copy::{Published, SafetyCopy};
use super::source::Source;
use super::{wal_log, write_pages};

/// How often all pages are compared without the lock before they are compared under it.
const ROUNDS: u32 = 5;

/// Longest wait for readers when the log is cut: writers wait as long.
const TRUNCATE_WAIT: Duration = Duration::from_millis(100);

/// A log of so many frames takes a few milliseconds to look through under the lock.
const SHORT_LOG: i64 = 2000;

/// A restore that was committed.
#[derive(Debug)]
pub(super) struct Done {
    /// The state before.
    pub(super) safety_copy: Published,
    /// Pages written.
    pub(super) pages: u64,
    /// How long writers waited.
    pub(super) locked: Duration,
}

/// The two connections of a restore, and what it works on.
struct Live<'a> {
    path: &'a Path,
    reader: Connection,
    writer: Connection,
    options: &'a Options,
    source: &'a Source,
}

/// The write lock, and what is to be done under it.
struct Locked {
    since: Instant,
    difference: Difference,
}

/// Restores `source` into the live database, keeping its last state as `safety_copy`. `before_lock` is called each
/// time before the write lock is taken. The caller holds the database's and the backup folder's locks.
///
/// # Errors
/// After any of these errors nothing was changed.
pub(super) fn run(
    options: &Options,
    source: &Source,
    safety_copy: &str,
    before_lock: &mut dyn FnMut(),
) -> Result<Done> {
    let path = options.database.as_path();
    let mut live = Live {
        path,
        reader: sqlite::open_live(path, options.wait)?,
        writer: sqlite::open_live(path, options.wait)?,
        options,
        source,
    };
    // EXTRA: in rollback-journal mode FULL does not sync the removal of the journal, which is the commit, and a power
    // loss after "done" would undo it.
    live.sql(&live.writer, "prepare", "PRAGMA synchronous = EXTRA")?;
    live.shorten_log()?;
    let started = Instant::now();
    let done = live.restore(safety_copy, started, before_lock);
    if done.is_err() {
        live.undo();
    }
    done
}

/// Checks the restored database, no lock held, and writes the log back.
///
/// # Errors
/// [`Code::Damaged`] if `integrity_check` finds damage: the restore is not undone.
pub(super) fn check_after(path: &Path, wait: Duration) -> Result<()> {
    let connection = sqlite::open_live(path, wait)?;
    // The warnings of the restore point are already reported: the restored database has the same.
    let problem = read_back::findings_of(&connection).map_err(|e| disk::sqlite::failed("check", path, e))?.problem;
    // Without it the log keeps the size of what was restored until the next writer restarts it. Readers may hold some
    // of it back; the checkpointer or the last close does the rest.
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(|e| disk::sqlite::failed("checkpoint", path, e))?;
    match problem {
        None => Ok(()),
        Some(problem) => {
            Err(Error::new(Code::Damaged, format!("'{}' is damaged after the restore: {problem}", path.display())))
        }
    }
}

impl Live<'_> {
    fn restore(&self, name: &str, started: Instant, before_lock: &mut dyn FnMut()) -> Result<Done> {
        let shape = self.shape(&self.reader)?;
        let mut copy = SafetyCopy::create(self.options, name, shape)?;
        let Locked { since, difference } = self.compare_and_lock(shape, &mut copy, before_lock)?;
        let at = self.options.now.checked_add(started.elapsed()).unwrap_or(self.options.now);
        // The disk works on the safety copy while SQLite writes.
        let (published, written) = std::thread::scope(|scope| {
            let publishing = scope.spawn(move || copy.publish(at));
            let written = write_pages::apply(&self.writer, self.source, &difference);
            (publishing.join(), written)
        });
        let safety_copy =
            published.map_err(|_panic| Error::new(Code::Failed, "the safety copy's thread panicked"))??;
        let end = if matches!(written, Ok(0)) { "ROLLBACK" } else { "COMMIT" };
        let ended = written.and_then(|pages| {
            self.sql(&self.writer, "commit the restore of", end)?;
            Ok(pages)
        });
        match ended {
            Ok(pages) => Ok(Done { safety_copy, pages, locked: since.elapsed() }),
            Err(error) => {
                safety_copy.withdraw();
                Err(error)
            }
        }
    }

    /// Returns when the write lock is held and the difference is complete.
    fn compare_and_lock(&self, shape: Shape, copy: &mut SafetyCopy, before_lock: &mut dyn FnMut()) -> Result<Locked> {
        if !shape.wal {
            return self.compare_under_lock(Cost::assumed(), copy, before_lock);
        }
        let mut cost = Cost::assumed();
        for round in 1..=ROUNDS {
            let (locked, measured) = self.compare_then_lock(copy, before_lock)?;
            if let Some(locked) = locked {
                return Ok(locked);
            }
            cost = measured;
            tracing::info!(round, "the write-ahead log does not tell what changed: comparing all pages again");
        }
        self.compare_under_lock(cost, copy, before_lock)
    }

    /// One round: a pass over a snapshot, then the lock and what changed since. `None` where the log cannot tell that.
    fn compare_then_lock(
        &self,
        copy: &mut SafetyCopy,
        before_lock: &mut dyn FnMut(),
    ) -> Result<(Option<Locked>, Cost)> {
        let before = wal_log::header(self.path)?;
        self.sql(&self.reader, "read", "BEGIN; SELECT 1 FROM sqlite_schema")?;
        let shape = self.shape(&self.reader)?;
        let started = Instant::now();
        copy.restart()?;
        let mut difference = compare::pass(&self.reader, shape, self.source, copy)?;
        copy.sync()?;
        let cost = Cost::measured(shape.bytes().max(self.source.shape.bytes()), started.elapsed());
        self.require_short(cost, difference.pages.len())?;

        let since = self.lock(before_lock)?;
        let now = self.shape(&self.writer)?;
        let after = wal_log::header(self.path)?;
        let candidates = match wal_log::is_continuous(before.as_ref(), after.as_ref()) {
            true => wal_log::candidates(self.path, now.page_size)?,
            false => None,
        };
        // Held until here, so that the log could not lose what was committed since.
        self.sql(&self.reader, "read", "COMMIT")?;
        let Some(candidates) = candidates else {
            self.sql(&self.writer, "unlock", "ROLLBACK")?;
            return Ok((None, cost));
        };
        self.require_short(cost, difference.pages.len() + candidates.len() as u64)?;
        catch_up(&self.writer, now, &candidates, self.source, &mut difference, copy)?;
        Ok((Some(Locked { since, difference }), cost))
    }

    fn compare_under_lock(&self, cost: Cost, copy: &mut SafetyCopy, before_lock: &mut dyn FnMut()) -> Result<Locked> {
        self.require_short(cost, self.shape(&self.reader)?.pages.into())?;
        let since = self.lock(before_lock)?;
        let shape = self.shape(&self.writer)?;
        copy.restart()?;
        let difference = compare::pass(&self.writer, shape, self.source, copy)?;
        let cost = Cost::measured(shape.bytes().max(self.source.shape.bytes()), since.elapsed());
        self.require_short(cost, difference.pages.len())?;
        Ok(Locked { since, difference })
    }

    fn require_short(&self, cost: Cost, pages: u64) -> Result<()> {
        let estimate = cost.of(pages, self.source.shape.page_size);
        require_short(estimate, self.options.lock_limit, self.options.accept_503)
    }

    fn lock(&self, before_lock: &mut dyn FnMut()) -> Result<Instant> {
        before_lock();
        self.sql(&self.writer, "lock", "BEGIN IMMEDIATE")?;
        Ok(Instant::now())
    }

    fn shape(&self, connection: &Connection) -> Result<Shape> {
        let found = sqlite::shape(connection).map_err(|e| disk::sqlite::failed("read", self.path, e))?;
        match found {
            Some((shape, _)) if shape.page_size == self.source.shape.page_size => Ok(shape),
            _ => {
                Err(Error::new(Code::Failed, format!("the database '{}' was replaced meanwhile", self.path.display()))
                    .hint("nothing was changed: run this again"))
            }
        }
    }

    fn sql(&self, connection: &Connection, action: &str, sql: &str) -> Result<()> {
        connection.execute_batch(sql).map_err(|e| disk::sqlite::failed(action, self.path, e))
    }

    /// Every page with a frame in the log is looked at under the lock, also where it was written back long ago: so a
    /// long log is made to start over first, as far as readers allow that.
    fn shorten_log(&mut self) -> Result<()> {
        if self.checkpoint("PASSIVE")? > SHORT_LOG {
            let frames = self.truncate_log()?;
            tracing::debug!(frames, "the write-ahead log was to be cut");
        }
        Ok(())
    }

    fn truncate_log(&mut self) -> Result<i64> {
        let wait = |writer: &mut Connection, wait| {
            sqlite::wait_for_locks(writer, wait).map_err(|e| disk::sqlite::failed("checkpoint", self.path, e))
        };
        wait(&mut self.writer, TRUNCATE_WAIT)?;
        let frames = self.checkpoint("TRUNCATE")?;
        wait(&mut self.writer, self.options.wait)?;
        Ok(frames)
    }

    /// Checkpoints as far as `mode` does; returns the log's length in frames, -1 where there is none.
    fn checkpoint(&self, mode: &str) -> Result<i64> {
        self.writer
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1))
            .map_err(|e| disk::sqlite::failed("checkpoint", self.path, e))
    }

    /// After a failure: lets go of every lock, and cuts the log back, which a full disk would leave at its full size.
    fn undo(mut self) {
        for connection in [&self.writer, &self.reader] {
            if !connection.is_autocommit()
                && let Err(error) = self.sql(connection, "roll back", "ROLLBACK")
            {
                tracing::warn!(%error, "closing the database rolls back as well");
            }
        }
        if let Err(error) = self.truncate_log() {
            tracing::warn!(%error, "the write-ahead log keeps its size until the next checkpoint");
        }
    }
}
