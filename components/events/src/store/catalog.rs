//! The catalog of backups, written by `backup-job` and only ever read here.

use crate::platform::{Connection, Platform, Row, SqlError};
use crate::text;

/// The label of the catalog.
const LABEL: &str = "backups";

/// The newest backup that has been verified and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastBackup {
    /// Its name in the backup folder.
    pub(crate) file: String,
    /// The instant of its snapshot, in ms since the epoch, UTC.
    pub(crate) created_at_ms: i64,
}

/// The newest good backup; `None` where there is none yet.
///
/// # Errors
/// Why the catalog cannot be read, in words.
pub(crate) fn last_backup<P: Platform>(platform: &P) -> Result<Option<LastBackup>, String> {
    let rows = read(
        platform,
        "SELECT CAST(file AS BLOB), created_at_ms FROM restore_points
         WHERE kind = 'backup' AND error IS NULL AND verified_at_ms IS NOT NULL
         ORDER BY created_at_ms DESC LIMIT 1",
    )?;
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    match <[_; 2]>::try_from(row) {
        Ok([file, created_at_ms]) => match text::integer(&created_at_ms) {
            Some(created_at_ms) => Ok(Some(LastBackup { file: text::decode(file), created_at_ms })),
            None => Err("the newest backup has no date in the catalog".to_owned()),
        },
        Err(row) => Err(format!("the catalog answered with {} columns", row.len())),
    }
}

/// Whether there is any restore point at all, good or bad.
///
/// # Errors
/// Why the catalog cannot be read, in words: then nobody knows.
pub(super) fn any_backup<P: Platform>(platform: &P) -> Result<bool, String> {
    Ok(!read(platform, "SELECT 1 FROM restore_points LIMIT 1")?.is_empty())
}

/// Reads the catalog. A missing file, an empty one or one without the table means that there is no backup yet.
fn read<P: Platform>(platform: &P, statement: &'static str) -> Result<Vec<Row>, String> {
    let rows = platform.open(LABEL).and_then(|catalog| catalog.execute(statement, &[]));
    match rows {
        Err(SqlError::CannotOpen(_) | SqlError::NoSuchTable(_)) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
        Ok(rows) => Ok(rows),
    }
}
