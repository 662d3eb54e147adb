//! An empty database becomes the application's.

use std::path::Path;
use std::time::Duration;

use super::has_bytes;
use crate::error::{Error, Result};
use crate::{files, sqlite};

/// Runs `schema` in one transaction, then switches to WAL. The caller holds the exclusive lock.
pub(super) fn create(path: &Path, schema: &str, wait: Duration) -> Result<()> {
    let failed = |e| Error::sqlite("create the schema in", path, e);
    clear(path)?;
    let connection = sqlite::open_or_create(path, wait)?;
    let made = connection
        .execute_batch("BEGIN IMMEDIATE")
        .and_then(|()| connection.execute_batch(schema))
        .and_then(|()| connection.execute_batch("COMMIT"));
    made.map_err(failed)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    files::sync_folder_of("init:leftover", path)
}

/// Takes away what lies beside a missing or empty database: it belongs to another one, and SQLite would replay it.
pub(super) fn clear(path: &Path) -> Result<()> {
    if has_bytes(path)? { Ok(()) } else { files::remove_sidecars("init:leftover", path) }
}
