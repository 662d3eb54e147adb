//! Making the schema in an empty database.
//!
//! An empty volume must never look like a healthy empty application: where backups exist, the data was lost, and
//! bringing it back is the work of `backup-job`.

use super::StoreError;
use super::catalog;
use super::data::Data;
use super::schema;
use crate::platform::{Platform, SqlError};

/// Makes the schema, or says why not.
///
/// Two concurrent calls do no harm: SQLite's write lock serialises them, and every statement of the schema changes
/// nothing the second time.
pub(super) fn ensure<P: Platform>(platform: &P) -> Result<(), StoreError> {
    if !is_wanted(platform)? {
        return Err(StoreError::Uninitialised);
    }
    let data = Data::open_to_write(platform)?;
    // A database with events is not lost; it only lacks tables that were added to the schema later.
    if !has_events(&data)? {
        if catalog::any_backup(platform).map_err(StoreError::CatalogUnreadable)? {
            return Err(StoreError::BackupsExist);
        }
        // Before the transaction, since it cannot be set inside one.
        data.patiently(|| data.execute("PRAGMA journal_mode=WAL", &[]))?;
    }
    data.patiently(|| data.execute("BEGIN IMMEDIATE", &[]))?;
    for statement in schema::statements() {
        data.execute(statement, &[])?;
    }
    data.patiently(|| data.execute("COMMIT", &[]))?;
    Ok(())
}

fn is_wanted<P: Platform>(platform: &P) -> Result<bool, StoreError> {
    let value = platform.variable("auto_init").map_err(StoreError::Failing)?;
    Ok(value.trim().eq_ignore_ascii_case("true"))
}

fn has_events<P: Platform>(data: &Data<'_, P>) -> Result<bool, SqlError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'events'";
    Ok(!data.patiently(|| data.execute(sql, &[]))?.is_empty())
}
