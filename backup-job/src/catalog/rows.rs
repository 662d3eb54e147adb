//! The catalog's tables, read and written.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::SourceStamp;
use crate::error::{Code, Error, Result};
use crate::model::restore_point::RestorePoint;
use crate::sqlite;

/// `PRAGMA user_version` of the catalogs that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

const SCHEMA: &str = "
    CREATE TABLE restore_points (
      file             TEXT PRIMARY KEY,
      kind             TEXT NOT NULL CHECK (kind IN ('backup', 'pre-restore')),
      created_at_ms    INTEGER NOT NULL,
      bytes            INTEGER NOT NULL,
      page_size        INTEGER NOT NULL,
      pages            INTEGER NOT NULL,
      events           INTEGER,
      content_checksum TEXT NOT NULL,
      ltx_checksum     TEXT NOT NULL,
      verified_at_ms   INTEGER,
      error            TEXT,
      seconds          REAL NOT NULL,
      unchanged_since  TEXT
    ) WITHOUT ROWID;
    CREATE INDEX restore_points_by_time ON restore_points(kind, created_at_ms);
    CREATE TABLE publication (
      id              INTEGER PRIMARY KEY CHECK (id = 1),
      published_at_ms INTEGER NOT NULL,
      writer          TEXT NOT NULL,
      source_stamp    TEXT
    );";

const INSERT: &str = "INSERT INTO restore_points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

const SELECT: &str = "SELECT file, kind, created_at_ms, bytes, page_size, pages, events, content_checksum, \
    ltx_checksum, verified_at_ms, error, seconds, unchanged_since FROM restore_points";

/// What a catalog file records.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) points: Vec<RestorePoint>,
    pub(super) source: Option<SourceStamp>,
}

/// Reads the catalog at `path`. One that is missing, empty or damaged records nothing: the files are still there and
/// are read back at the next publication.
pub(super) fn read(path: &Path) -> Result<Recorded> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => return Ok(Recorded::default()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Recorded::default()),
        Err(error) => return Err(Error::io("look at", path, error)),
    }
    let connection = match sqlite::open_immutable(path) {
        Ok(connection) => connection,
        Err(error) if error.code() == Code::VerificationFailed => return Ok(unreadable(path, &error)),
        Err(error) => return Err(error),
    };
    let version = match connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)) {
        Ok(version) => version,
        Err(error) => return Ok(unreadable(path, &error)),
    };
    if version > SCHEMA_VERSION {
        return Err(Error::new(
            Code::Usage,
            format!("the catalog '{}' has version {version}, this program knows {SCHEMA_VERSION}", path.display()),
        )
        .hint("it was written by a newer backup-job: use that one"));
    }
    match select(&connection) {
        Ok(recorded) => Ok(recorded),
        Err(error) => Ok(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &impl std::error::Error) -> Recorded {
    tracing::warn!(catalog = %path.display(), %error, "the catalog is unreadable; its files will be read back");
    Recorded::default()
}

fn select(connection: &Connection) -> rusqlite::Result<Recorded> {
    if !sqlite::has_schema(connection)? {
        return Ok(Recorded::default());
    }
    let points = connection.prepare(SELECT)?.query_map([], point)?.collect::<rusqlite::Result<_>>()?;
    let source: Option<String> =
        connection.query_row("SELECT (SELECT source_stamp FROM publication)", [], |row| row.get(0))?;
    Ok(Recorded { points, source: source.map(SourceStamp) })
}

fn point(row: &Row<'_>) -> rusqlite::Result<RestorePoint> {
    Ok(RestorePoint {
        file: row.get(0)?,
        kind: parsed(row, 1)?,
        created_at: instant(row.get(2)?, 2)?,
        bytes: row.get(3)?,
        page_size: row.get(4)?,
        pages: row.get(5)?,
        events: row.get(6)?,
        content_checksum: parsed(row, 7)?,
        ltx_checksum: parsed(row, 8)?,
        verified_at: row.get::<_, Option<i64>>(9)?.map(|ms| instant(ms, 9)).transpose()?,
        error: row.get(10)?,
        seconds: row.get(11)?,
        unchanged_since: row.get(12)?,
    })
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(|e| malformed(column, e))
}

fn instant(ms: i64, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(|e| malformed(column, e))
}

fn malformed(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// The bytes of a catalog with these rows. Built in memory, so that no journal ever stands beside the real one.
pub(super) fn image(
    points: &[RestorePoint],
    source: Option<&SourceStamp>,
    now: Timestamp,
    path: &Path,
) -> Result<Vec<u8>> {
    build(points, source, now).map_err(|e| Error::sqlite("build the catalog for", path, e))
}

fn build(points: &[RestorePoint], source: Option<&SourceStamp>, now: Timestamp) -> rusqlite::Result<Vec<u8>> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(INSERT)?;
        for point in points.iter().filter(|point| point.is_recorded() || point.error.is_some()) {
            insert.execute(params![
                point.file,
                point.kind.as_str(),
                point.created_at.as_millisecond(),
                point.bytes,
                point.page_size,
                point.pages,
                point.events,
                point.content_checksum.to_string(),
                point.ltx_checksum.to_string(),
                point.verified_at.map(|at| at.as_millisecond()),
                point.error,
                point.seconds,
                point.unchanged_since,
            ])?;
        }
    }
    transaction.execute(
        "INSERT INTO publication VALUES (1, ?1, ?2, ?3)",
        params![
            now.as_millisecond(),
            concat!("backup-job ", env!("CARGO_PKG_VERSION")),
            source.map(|stamp| stamp.0.as_str())
        ],
    )?;
    transaction.commit()?;
    Ok(connection.serialize("main")?.to_vec())
}
