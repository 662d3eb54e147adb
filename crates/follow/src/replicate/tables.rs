//! A database without tables is not shipped: it would pass for the successor of whatever a store holds.

use std::path::Path;

use disk::sqlite;
use pra_core::{Code, Error, Result};

use super::follower::Snapshot;

pub(super) fn has_tables(snapshot: &Snapshot, database: &Path) -> Result<bool> {
    sqlite::has_schema(snapshot.connection()).map_err(|e| disk::sqlite::failed("read", database, e))
}

pub(super) fn nothing_in(database: &Path) -> Error {
    Error::new(Code::Failed, format!("'{}' has no tables: there is nothing to replicate", database.display()))
        .hint("run this again once the application has made them; `backup-job init` restores or makes the database")
}

/// An empty file is never shipped as the successor of something.
pub(super) fn require_successor(snapshot: &Snapshot, database: &Path) -> Result<()> {
    if has_tables(snapshot, database)? {
        return Ok(());
    }
    Err(Error::new(
        Code::Damaged,
        format!("'{}' has no tables any more, and the replicas hold a database that has some", database.display()),
    )
    .hint("nothing is shipped: `backup-job restore` brings the data back"))
}
