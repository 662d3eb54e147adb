//! The catalog's tables, read and written.

use std::collections::BTreeSet;
use std::path::Path;

use ::catalog::point::Announced;
use ::catalog::{Columns, FromRow, Owner, Publication, Query, SCHEMA, ToRow, VERSION, Value, queries};
use jiff::Timestamp;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use rusqlite::types::{FromSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::status::{self, Status};
use crate::sqlite;

/// The program that writes it.
const WRITER: &str = concat!("backup-job ", env!("CARGO_PKG_VERSION"));

/// What a catalog file records.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) points: Vec<RestorePoint>,
    /// Files of the database that may be there without a row.
    pub(super) announced: BTreeSet<String>,
    /// `None`: nothing was published.
    pub(super) publication: Option<Publication>,
    pub(super) status: Status,
}

impl Recorded {
    /// Whose the restore points are; `None`: not known yet.
    pub(super) fn owner(&self) -> Option<&Owner> {
        self.publication.as_ref()?.owner.as_ref()
    }
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
    if version > VERSION {
        return Err(Error::new(
            Code::Usage,
            format!("the catalog '{}' has version {version}, this program knows {VERSION}", path.display()),
        )
        .hint("it was written by a newer backup-job: use that one"));
    }
    if version < VERSION {
        tracing::warn!(catalog = %path.display(), version, "the catalog is of an older program; its files will be read back");
        return Ok(Recorded::default());
    }
    select(&connection).map_err(damaged)
}

fn select(connection: &Connection) -> rusqlite::Result<Recorded> {
    if !sqlite::has_schema(connection)? {
        return Ok(Recorded::default());
    }
    Ok(Recorded {
        points: all(connection, &queries::RESTORE_POINTS)?,
        announced: all(connection, &queries::ANNOUNCED)?.into_iter().map(|Announced(file)| file).collect(),
        publication: all(connection, &queries::PUBLICATION)?.pop(),
        status: status::select(connection)?,
    })
}

/// All rows of a query.
pub(super) fn all<T: FromRow>(connection: &Connection, query: &Query<T>) -> rusqlite::Result<Vec<T>> {
    let read = |row: &Row<'_>| query.read(&mut Read { row, next: 0 });
    connection.prepare(query.sql())?.query_map([queries::ALL], read)?.collect()
}

/// A row, read column by column.
struct Read<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl Read<'_> {
    fn get<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }
}

impl Columns for Read<'_> {
    type Error = rusqlite::Error;

    fn maybe_text(&mut self) -> rusqlite::Result<Option<String>> {
        self.next += 1;
        let value = self.row.get_ref(self.next - 1)?;
        let bytes = value.as_bytes_or_null().map_err(|e| self.unlike(value.data_type(), e))?;
        let text = bytes.map(std::str::from_utf8).transpose().map_err(|e| self.unlike(value.data_type(), e))?;
        Ok(text.map(str::to_owned))
    }

    fn maybe_integer(&mut self) -> rusqlite::Result<Option<i64>> {
        self.get()
    }

    fn maybe_real(&mut self) -> rusqlite::Result<Option<f64>> {
        self.get()
    }

    fn malformed(&self, why: String) -> rusqlite::Error {
        self.unlike(Type::Text, why)
    }
}

impl Read<'_> {
    fn unlike(
        &self,
        kind: Type,
        why: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(self.next.saturating_sub(1), kind, why.into())
    }
}

/// A value, as rusqlite takes it.
struct Given<'a>(Value<'a>);

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match &self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// Writes records into their table.
pub(super) fn insert<'a, T: ToRow + 'a>(
    connection: &Connection,
    records: impl IntoIterator<Item = &'a T>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(T::INSERT)?;
    for record in records {
        statement.execute(params_from_iter(record.values().into_iter().map(Given)))?;
    }
    Ok(())
}

/// The bytes of a catalog with these rows. Built in memory, so that there is never a journal beside the real one.
pub(super) fn image(recorded: &Recorded, path: &Path) -> Result<Vec<u8>> {
    build(recorded).map_err(|e| crate::sqlite::failed("build the catalog for", path, e))
}

fn build(recorded: &Recorded) -> rusqlite::Result<Vec<u8>> {
    let Recorded { points, announced, publication, status } = recorded;
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    insert(&transaction, points)?;
    insert(&transaction, &announced.iter().cloned().map(Announced).collect::<Vec<_>>())?;
    insert(&transaction, publication)?;
    status::insert(&transaction, status)?;
    transaction.commit()?;
    Ok(connection.serialize("main")?.to_vec())
}

/// That of this program.
pub(super) fn publication(at: Timestamp, source: Option<String>, owner: Option<Owner>) -> Publication {
    Publication { at, writer: WRITER.to_owned(), source, owner }
}
