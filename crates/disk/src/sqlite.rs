//! How this program opens databases, waits for their locks, and reads their pages.
//!
//! A live database is read through SQLite's own snapshot only (`sqlite_dbpage` inside a transaction): a plain copy of
//! its files is torn, and closing a plain descriptor of it would drop this process's POSIX locks.

use std::path::Path;
use std::time::{Duration, Instant};

use pra_core::header::{Header, HeaderError};
use pra_core::{Code, Error, Result};
use rusqlite::{Connection, OpenFlags};

use crate::read_ahead;

/// Time between two tries for a lock. SQLite's own handler sleeps 1 to 100 ms, and loses every race under load.
const LOCK_RETRY: Duration = Duration::from_micros(300);

/// Memory for SQLite's page cache, in KiB, where a database is checked or filled: an index is looked up in while its
/// table is read.
const CACHE_KIB: i64 = 2048;

/// Where it is copied or followed: pages are read once, and several connections are open.
const LIVE_CACHE_KIB: i64 = 256;

/// The oldest SQLite that may checkpoint beside others: 3.7.0 to 3.51.2 lose pages when a second checkpoint races a
/// writer that resets the WAL.
const FIRST_SAFE_SQLITE: i32 = 3_051_003;

/// Fails where the SQLite that was linked has the WAL-reset bug.
pub fn require_safe_version() -> Result<()> {
    if rusqlite::version_number() >= FIRST_SAFE_SQLITE {
        return Ok(());
    }
    Err(Error::new(
        Code::Failed,
        format!("SQLite {} loses pages when it checkpoints beside others", rusqlite::version()),
    )
    .hint("build backup-job with its bundled SQLite"))
}

/// Opens an existing database that others use at the same time. It never checkpoints by itself.
pub fn open_live(path: &Path, lock_wait: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags, lock_wait, LIVE_CACHE_KIB)
}

/// Opens a database, making a file of 0 bytes where there is none.
pub fn open_or_create(path: &Path, lock_wait: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    open(path, flags, lock_wait, CACHE_KIB)
}

fn open(path: &Path, flags: OpenFlags, lock_wait: Duration, cache_kib: i64) -> Result<Connection> {
    require_safe_version()?;
    let mut connection =
        Connection::open_with_flags(path, flags).map_err(|e| crate::sqlite::failed("open", path, e))?;
    wait_for_locks(&mut connection, lock_wait)
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", 0))
        .and_then(|()| connection.pragma_update(None, "cache_size", -cache_kib))
        .map_err(|e| crate::sqlite::failed("open", path, e))?;
    Ok(connection)
}

/// Opens a file that no process writes (a backup, a temporary file): without locks, without looking at or making
/// sidecars, and with read-ahead.
pub fn open_immutable(path: &Path) -> Result<Connection> {
    require_safe_version()?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags_and_vfs(path, flags, read_ahead::register()?)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|e| crate::sqlite::failed("open", path, e))
}

/// Lets `connection` wait for locks by trying every 0.3 ms, each wait no longer than `limit`.
pub fn wait_for_locks(connection: &mut Connection, limit: Duration) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            since = Instant::now();
        }
        if since.elapsed() >= limit || crate::stop::check().is_err() {
            return false;
        }
        std::thread::sleep(LOCK_RETRY);
        true
    }))
}

/// Whether the error says that another connection holds a lock.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// What a database says about itself inside the current transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes in a page.
    pub page_size: u32,
    /// Pages in the database.
    pub pages: u32,
    /// Whether it is in WAL mode, by the header of page 1.
    pub wal: bool,
}

impl Shape {
    /// Size of the database in bytes.
    pub fn bytes(&self) -> u64 {
        u64::from(self.page_size) * u64::from(self.pages)
    }
}

/// Reads the shape of the database that `connection` has open, through page 1 and never through a descriptor of our
/// own. `None` for a database of 0 pages. Starts the snapshot of an open transaction.
pub fn shape(connection: &Connection) -> rusqlite::Result<Option<(Shape, Header)>> {
    // This one begins the snapshot, and sees where another connection has changed the page size.
    let pages: u32 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let page_size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    if pages == 0 {
        return Ok(None);
    }
    let header = connection.query_row("SELECT data FROM sqlite_dbpage WHERE pgno = 1", [], |row| {
        let page = row.get_ref(0)?.as_blob()?;
        Header::parse(page).map_err(|e: HeaderError| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(e))
        })
    })?;
    Ok(Some((Shape { page_size, pages, wal: header.is_wal() }, header)))
}

/// Whether there is any table, index, view or trigger: a file of 0 bytes has none, and is no database yet.
pub fn has_schema(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Number of rows of the table `events`; `None` where there is no such table.
pub fn count_events(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'events')",
        [],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(None);
    }
    connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).map(Some)
}

/// A failed SQLite call on the database at `path`. A lock that did not come free is [`Code::Busy`].
pub fn failed(action: &str, path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    let (code, hint) = match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Code::Busy, Some("another process holds the database: try again in a moment"))
        }
        Some(ErrorCode::NotADatabase) => (
            Code::Damaged,
            Some(
                "it is not a SQLite database, or it is encrypted (SQLCipher), which cannot be read here; \
                 if it was a plain one it is damaged: `backup-job list` shows what can be restored",
            ),
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            (Code::Damaged, Some("the file is damaged: `backup-job list` shows what can be restored in its place"))
        }
        Some(ErrorCode::DiskFull) => {
            (Code::Failed, Some("the disk is full: free some room or enlarge the volume, then run this again"))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            (Code::Failed, Some("check that the file and its folder exist and are writable for this user"))
        }
        _ => (Code::Failed, None),
    };
    let error = Error::new(code, format!("failed to {action} '{}'", path.display())).because(Cause(source));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What SQLite said, without the number that is below its words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(rusqlite::Error);

/// What SQLite said, where it is what failed.
pub fn cause_of(error: &Error) -> Option<&rusqlite::Error> {
    std::error::Error::source(error)?.downcast_ref::<Cause>().map(|Cause(source)| source)
}
