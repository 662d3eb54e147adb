//! Follows a live database: always one read transaction, the next opened before the last is closed.
//!
//! ```text
//! reader A ├──────────────┤
//! reader B            ├────────────────┤        what was committed between the two is in the log's frames
//! reader A                          ├───── …    (position.rs says why), or all pages are compared
//! ```
//! In rollback-journal mode a held reader would lock every writer out: there the transaction lasts as long as the
//! comparison, and all pages are compared.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::files;
use disk::sqlite::{self, Shape};
use jiff::Timestamp;
use pra_core::{Error, Result, wal};
use rusqlite::Connection;

use super::map::Counters;
use super::position::{Position, Since, since};

/// Longest wait for a lock that a reader may need: the log's recovery, a change of the journal mode.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Pages that may differ from what was last shipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidates {
    /// These, and no others.
    Pages(BTreeSet<u32>),
    /// All of them, for this reason.
    All(&'static str),
}

/// One read transaction.
#[derive(Debug)]
pub(super) struct Snapshot {
    connection: Connection,
    position: Option<Position>,
    /// Page size and size in pages.
    pub(super) shape: Shape,
    /// SQLite's counts, from page 1. In WAL mode that of changes need not move.
    pub(super) counters: Counters,
    /// Right after it was opened: nothing that was committed later is in it.
    pub(super) at: Timestamp,
}

/// The database as it is followed.
#[derive(Debug)]
pub(super) struct Follower {
    database: PathBuf,
    current: Option<Snapshot>,
    spare: Option<Connection>,
    candidates: Candidates,
}

impl Snapshot {
    /// Begins a read transaction. `None` for a database of 0 bytes.
    fn open(connection: Connection, database: &Path) -> Result<Option<Self>> {
        let failed = |e| disk::sqlite::failed("read", database, e);
        connection.execute_batch("BEGIN").map_err(failed)?;
        let shape = sqlite::shape(&connection).map_err(failed)?;
        let at = disk::clock::now();
        let Some((shape, header)) = shape else { return Ok(None) };
        // The header says what the file is, the pager what this transaction does.
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(failed)?;
        let shape = Shape { wal: mode == "wal", ..shape };
        let position = if shape.wal { Position::of(&connection) } else { None };
        let counters = Counters { changes: header.change_counter, schema: header.schema_cookie };
        Ok(Some(Self { connection, position, shape, counters, at }))
    }

    /// Reads its pages.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Ends the transaction; the connection can be used again.
    fn close(self, database: &Path) -> Result<Connection> {
        self.connection.execute_batch("COMMIT").map_err(|e| disk::sqlite::failed("read", database, e))?;
        Ok(self.connection)
    }
}

impl Follower {
    /// Nothing is known yet of what may differ.
    pub(super) fn new(database: &Path) -> Self {
        let candidates = Candidates::All("replication begins");
        Self { database: database.to_owned(), current: None, spare: None, candidates }
    }

    /// Moves on to the database's present state, and notes what may have changed since the last. `false` where the
    /// database has no pages.
    pub(super) fn advance(&mut self) -> Result<bool> {
        let connection = match self.spare.take() {
            Some(connection) => connection,
            None => sqlite::open_live(&self.database, LOCK_WAIT)?,
        };
        let Some(next) = Snapshot::open(connection, &self.database)? else {
            self.current = None;
            self.doubt("the database is empty");
            return Ok(false);
        };
        self.note(&next)?;
        if let Some(last) = self.current.replace(next) {
            self.spare = Some(last.close(&self.database)?);
        }
        Ok(true)
    }

    /// As [`Self::advance`], with a new connection whose cache is empty: a process that writes the file without SQLite
    /// invalidates no connection's cache.
    pub(super) fn advance_afresh(&mut self) -> Result<bool> {
        self.spare = None;
        let there_are_pages = self.advance()?;
        self.spare = None;
        Ok(there_are_pages)
    }

    /// The snapshot that was advanced to.
    pub(super) fn current(&self) -> Option<&Snapshot> {
        self.current.as_ref()
    }

    /// What may differ between the current snapshot and what was last shipped.
    pub(super) fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// The current snapshot has been compared and shipped.
    pub(super) fn shipped(&mut self) {
        self.candidates = Candidates::Pages(BTreeSet::new());
    }

    /// All pages are to be compared.
    pub(super) fn doubt(&mut self, reason: &'static str) {
        self.candidates = Candidates::All(reason);
    }

    /// Ends the read transaction where holding it would lock writers out.
    pub(super) fn let_go_in_rollback_mode(&mut self) -> Result<()> {
        if let Some(last) = self.current.take_if(|last| !last.shape.wal) {
            self.spare = Some(last.close(&self.database)?);
        }
        Ok(())
    }

    /// Gives the current snapshot away, to be read at leisure; another one at or after it takes its place at once.
    pub(super) fn lend(&mut self) -> Result<Option<Snapshot>> {
        let connection = sqlite::open_live(&self.database, LOCK_WAIT)?;
        let Some(next) = Snapshot::open(connection, &self.database)? else { return Ok(None) };
        self.note(&next)?;
        Ok(self.current.replace(next))
    }

    /// Notes what may differ between the current snapshot and `next`; both are open.
    fn note(&mut self, next: &Snapshot) -> Result<()> {
        let Candidates::Pages(pages) = &mut self.candidates else { return Ok(()) };
        let Some(last) = &self.current else {
            self.doubt("no reader was held");
            return Ok(());
        };
        if !(last.shape.wal && next.shape.wal) {
            self.doubt("the database has no write-ahead log");
            return Ok(());
        }
        if last.shape.page_size != next.shape.page_size {
            self.doubt("the page size has changed");
            return Ok(());
        }
        let mut least = last.shape.pages;
        match since(last.position, next.position) {
            Since::Nothing => {}
            Since::Doubt(reason) => self.candidates = Candidates::All(reason),
            Since::Frames(frames) => match stretch(&self.database, next, frames)? {
                None => self.candidates = Candidates::All("the write-ahead log restarted while it was read"),
                Some(stretch) => {
                    pages.extend(stretch.pages);
                    least = least.min(stretch.smallest_commit.unwrap_or(least));
                    // Pages past the smallest size in between may be new ones, and need not have a frame.
                    pages.extend(least.saturating_add(1)..=next.shape.pages);
                }
            },
        }
        Ok(())
    }
}

fn stretch(
    database: &Path,
    snapshot: &Snapshot,
    frames: std::ops::RangeInclusive<u32>,
) -> Result<Option<wal::Stretch>> {
    let Some(position) = snapshot.position else { return Ok(None) };
    let path = files::with_suffix(database, "-wal");
    // The log may be opened and closed by the side: SQLite takes its locks on the other two files.
    let file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
    wal::stretch(&mut BufReader::new(file), snapshot.shape.page_size, position.salts, frames)
        .map_err(|e| Error::io("read", &path, e))
}

impl Candidates {
    /// Whether nothing can differ.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Pages(pages) if pages.is_empty())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // The reader goes before the spare, so that the log is not removed between the two for nothing.
        drop(mem::take(&mut self.current));
    }
}
