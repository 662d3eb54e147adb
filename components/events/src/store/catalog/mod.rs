//! The catalog of backups, written by `backup-job` and only ever read here.
//!
//! A missing file, an empty one, and one without a table mean that there is nothing of that kind yet: version 1 has
//! only backups. The file is replaced whole by a rename, so all that comes from one connection is of one publication.

mod columns;
mod tables;

use catalog::queries::ANY_RESTORE_POINT;
use catalog::{FromRow, Query};

use self::columns::Rest;
use crate::platform::{Connection, Param, Platform, Row, SqlError};

/// The label of the catalog.
const LABEL: &str = "backups";

/// The catalog, opened.
pub(crate) struct Catalog<P: Platform> {
    /// `None` where there is no file.
    connection: Option<P::Connection>,
}

impl<P: Platform> Catalog<P> {
    /// Opens the catalog, where there is one.
    ///
    /// # Errors
    /// Why it cannot be opened, in words.
    pub(crate) fn open(platform: &P) -> Result<Self, String> {
        match platform.open(LABEL) {
            Ok(connection) => Ok(Self { connection: Some(connection) }),
            Err(SqlError::CannotOpen(_)) => Ok(Self { connection: None }),
            Err(error) => Err(error.to_string()),
        }
    }

    fn rows(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Row>, String> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        match connection.execute(statement, parameters) {
            // A file that is not there may only show now.
            Err(SqlError::CannotOpen(_) | SqlError::NoSuchTable(_)) => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
            Ok(rows) => Ok(rows),
        }
    }

    /// Reads the records of a query.
    ///
    /// # Errors
    /// Where a row is not what it should be: to leave it out would hide something.
    fn read<T: FromRow>(&self, query: &Query<T>, parameters: &[Param<'_>]) -> Result<Vec<T>, String> {
        let rows = self.rows(query.sql(), parameters)?;
        let read = |row| query.read(&mut Rest::of(row));
        let records: Result<Vec<T>, _> = rows.into_iter().map(read).collect();
        records.map_err(|columns::Malformed| format!("a row of '{}' is malformed", query.table()))
    }
}

/// Whether there is any restore point at all, good or bad.
///
/// # Errors
/// Why the catalog cannot be read, in words: then it is unknown whether there is a backup.
pub(super) fn any_backup<P: Platform>(platform: &P) -> Result<bool, String> {
    Ok(!Catalog::open(platform)?.rows(ANY_RESTORE_POINT, &[])?.is_empty())
}
