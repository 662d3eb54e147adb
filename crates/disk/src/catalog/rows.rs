//! The catalog's tables, read and written.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SourceStamp;
use super::owner::Owner;
use super::status::{self, Status};
use crate::sqlite;

/// `PRAGMA user_version` of the catalogs that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 5;

const SCHEMA: &str = include_str!("schema.sql");

const INSERT: &str =
    "INSERT INTO restore_points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

const SELECT: &str = "SELECT file, kind, created_at_ms, bytes, page_size, pages, events, content_checksum, \
    ltx_checksum, verified_at_ms, error, seconds, unchanged_since, encrypted, file_checksum, warnings, \
    sequence FROM restore_points";

/// What a catalog file records.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) points: Vec<RestorePoint>,
    /// Files of the database that may be there without a row.
    pub(super) announced: BTreeSet<String>,
    pub(super) source: Option<SourceStamp>,
    pub(super) owner: Option<Owner>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) status: Status,
}

/// Whether there is enough to say of a file for a row of its own.
pub(super) fn has_row(point: &RestorePoint) -> bool {
    point.is_recorded() || point.error.is_some()
}

/// Reads the catalog at `path`. One that is missing, empty or damaged records nothing: the files are still there and
/// are read back at the next publication.
pub(super) fn read(path: &Path) -> Result<Recorded> {
    match read_strictly(path) {
        Err(error) if error.code() == Code::Damaged => {
            let error = error.chain();
            tracing::warn!(catalog = %path.display(), error, "the catalog is unreadable; its files will be read back");
            Ok(Recorded::default())
        }
        other => other,
    }
}

/// As [`read`], but a damaged one is [`Code::Damaged`].
pub(super) fn read_strictly(path: &Path) -> Result<Recorded> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => return Ok(Recorded::default()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Recorded::default()),
        Err(error) => return Err(Error::io("look at", path, error)),
    }
    let damaged = |error: rusqlite::Error| {
        Error::new(Code::Damaged, format!("the catalog '{}' is damaged", path.display())).because(error)
    };
    let connection = sqlite::open_immutable(path)?;
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)).map_err(damaged)?;
    if version > SCHEMA_VERSION {
        return Err(Error::new(
            Code::Usage,
            format!("the catalog '{}' has version {version}, this program knows {SCHEMA_VERSION}", path.display()),
        )
        .hint("it was written by a newer backup-job: use that one"));
    }
    if version < SCHEMA_VERSION {
        tracing::warn!(catalog = %path.display(), version, "the catalog is of an older program; its files will be read back");
        return Ok(Recorded::default());
    }
    select(&connection).map_err(damaged)
}

fn select(connection: &Connection) -> rusqlite::Result<Recorded> {
    if !sqlite::has_schema(connection)? {
        return Ok(Recorded::default());
    }
    let status = status::select(connection)?;
    let points = connection.prepare(SELECT)?.query_map([], point)?.collect::<rusqlite::Result<_>>()?;
    let announced = connection
        .prepare("SELECT file FROM announced")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let publication = "SELECT source_stamp, published_at_ms, database_id, database, host FROM publication";
    let publication = connection.query_row(publication, [], |row| {
        let source: Option<String> = row.get(0)?;
        Ok((source.map(SourceStamp), instant(row.get(1)?, 1)?, owner(row)?))
    });
    let (source, published_at, owner) = match publication.optional()? {
        Some((source, at, owner)) => (source, Some(at), owner),
        None => (None, None, None),
    };
    Ok(Recorded { points, announced, source, owner, published_at, status })
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
        encrypted: row.get(13)?,
        file_checksum: row.get::<_, Option<String>>(14)?.map(|_| parsed(row, 14)).transpose()?,
        warnings: row.get::<_, Option<String>>(15)?.map(|text| lines(&text)).unwrap_or_default(),
        sequence: row.get(16)?,
    })
}

fn owner(row: &Row<'_>) -> rusqlite::Result<Option<Owner>> {
    if row.get::<_, Option<String>>(2)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Owner { id: parsed(row, 2)?, path: row.get::<_, String>(3)?.into(), host: row.get(4)? }))
}

fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(|e| malformed(column, e))
}

/// A text with one of something a line.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

pub(super) fn instant(ms: i64, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(|e| malformed(column, e))
}

pub(super) fn malformed(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// The bytes of a catalog with these rows. Built in memory, so that there is never a journal beside the real one.
pub(super) fn image(recorded: &Recorded, path: &Path) -> Result<Vec<u8>> {
    build(recorded).map_err(|e| crate::sqlite::failed("build the catalog for", path, e))
}

fn build(recorded: &Recorded) -> rusqlite::Result<Vec<u8>> {
    let Recorded { points, announced, source, owner, published_at, status } = recorded;
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(INSERT)?;
        for point in points {
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
                point.encrypted,
                point.file_checksum.map(|checksum| checksum.to_string()),
                (!point.warnings.is_empty()).then(|| point.warnings.join("\n")),
                point.sequence,
            ])?;
        }
    }
    for file in announced {
        transaction.execute("INSERT INTO announced VALUES (?1)", [file])?;
    }
    transaction.execute(
        "INSERT INTO publication VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            published_at.map(|at| at.as_millisecond()),
            concat!("backup-job ", env!("CARGO_PKG_VERSION")),
            source.as_ref().map(|stamp| stamp.0.as_str()),
            owner.as_ref().map(|owner| owner.id.to_string()),
            owner.as_ref().map(|owner| owner.path.to_string_lossy()),
            owner.as_ref().map(|owner| owner.host.as_str()),
        ],
    )?;
    status::insert(&transaction, status)?;
    transaction.commit()?;
    Ok(connection.serialize("main")?.to_vec())
}
