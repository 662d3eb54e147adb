//! Whether a backup can be of a database: asked where no catalog says whose the files are.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use pra_core::Result;
use rusqlite::Connection;

use crate::sqlite;

/// The names of a database's tables.
#[derive(Debug)]
pub(super) struct Tables(BTreeSet<String>);

impl Tables {
    /// Of the live database.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of_live(database: &Path, wait: Duration) -> Result<Self> {
        let connection = sqlite::open_live(database, wait)?;
        read(&connection).map(Self).map_err(|e| crate::sqlite::failed("read", database, e))
    }

    /// Whether the backup at `path` has a table of one of these names. Schemas change, so one is enough; a file that
    /// cannot be read as a database has none.
    pub(super) fn meet(&self, path: &Path) -> bool {
        let of_backup = sqlite::open_immutable(path)
            .and_then(|connection| read(&connection).map_err(|e| crate::sqlite::failed("read", path, e)));
        match of_backup {
            Ok(names) => !self.0.is_disjoint(&names),
            Err(error) => {
                tracing::debug!(error = error.chain(), "a file in the backup folder does not say what it is of");
                false
            }
        }
    }
}

fn read(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    // As a BLOB: a damaged schema may hold names that are no text.
    let names =
        "SELECT CAST(name AS BLOB) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let name = |row: &rusqlite::Row<'_>| Ok(String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned());
    connection.prepare(names)?.query_map([], name)?.collect()
}
