//! Creates the application's schema in an empty database.

use std::path::Path;
use std::time::Duration;

use disk::files::{self, Writer};
use disk::sqlite;
use pra_core::Result;

use super::has_bytes;

/// Runs `schema` in one transaction, then switches to WAL. The caller holds the exclusive lock.
pub(super) fn create(path: &Path, schema: &str, wait: Duration) -> Result<()> {
    let failed = |e| disk::sqlite::failed("create the schema in", path, e);
    clear(path)?;
    touch(path)?;
    let connection = sqlite::open_or_create(path, wait)?;
    let made = connection
        .execute_batch("BEGIN IMMEDIATE")
        .and_then(|()| connection.execute_batch(schema))
        .and_then(|()| connection.execute_batch("COMMIT"));
    made.map_err(failed)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    files::sync_folder_of("init:leftover", path)
}

/// Removes the sidecars beside a missing or empty database: they belong to another one, and SQLite would replay them.
pub(super) fn clear(path: &Path) -> Result<()> {
    if has_bytes(path)? { Ok(()) } else { files::remove_sidecars("init:leftover", path) }
}

/// Makes a file of 0 bytes where there is none: for the users of its folder, also where root makes it. SQLite gives
/// what it makes beside a database the same mode and owner.
pub(super) fn touch(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    match Writer::create_like("init:create", path, path) {
        // Spin makes one too.
        Err(_) if path.exists() => Ok(()),
        made => made.map(drop),
    }
}
