//! What a restore leaves for the replicator: what the database came from.
//!
//! ```text
//! init:     note, with the content that is to come ─ fill ─ note, without it
//! replace:  note, of the new file ─ rename
//! ```
//! It belongs to the file that the restore wrote, and counts only if that file holds what was to be written: a restore
//! that is killed in between leaves no note about another database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::files::{self, FileId};
use disk::progress::Progress;
use disk::{snapshot, sqlite};
use pra_core::checksum::Checksum;
use pra_core::{Code, Error, Result};

use crate::epoch::Parent;
use serde::{Deserialize, Serialize};

const NAME: &str = "parent.json";

/// Longest wait for a lock, to see what a database holds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// What a database came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    file: FileId,
    /// The point in a replica; `None`: a backup.
    pub parent: Option<Parent>,
    /// What the file is to hold once it is written; `None`: it is.
    content: Option<Checksum>,
}

impl Origin {
    /// Of the database that `file` holds or, where its `content` is given, is to hold.
    ///
    /// # Errors
    /// Where the file cannot be looked at, or is not there.
    pub fn of(file: &Path, parent: Option<Parent>, content: Option<Checksum>) -> Result<Self> {
        let missing = || Error::new(Code::Failed, format!("'{}' is not there any more", file.display()));
        Ok(Self { file: FileId::of(file)?.ok_or_else(missing)?, parent, content })
    }

    /// Leaves it for the replicator of `database`. Only where there is one: `is_replicated`, or it has been here
    /// before.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn leave(&self, database: &Path, is_replicated: bool) -> Result<()> {
        if !is_replicated && !super::folder(database)?.exists() {
            return Ok(());
        }
        super::make(database)?;
        super::write(&path(database)?, self)
    }
}

/// What a restore left for the database that lies at `database` now; what it left for another is removed.
///
/// # Errors
/// Where it cannot be read, or the database cannot.
pub fn found(database: &Path) -> Result<Option<Origin>> {
    settle(database)?;
    super::read(&path(database)?)
}

/// Decides on a note whose restore may have ended before it was done: it stays where the database is what was to be
/// written, and goes where it is not.
///
/// # Errors
/// As [`found`].
pub fn settle(database: &Path) -> Result<()> {
    let Some(origin) = super::read::<Origin>(&path(database)?)? else { return Ok(()) };
    let is_whole = match origin.content {
        _ if FileId::of(database)? != Some(origin.file) => false,
        None => return Ok(()),
        Some(content) => holds(database)? == Some(content),
    };
    if is_whole {
        return super::write(&path(database)?, &Origin { content: None, ..origin });
    }
    tracing::warn!(database = %database.display(), "a restore was not finished here: what it left is not of this database");
    forget(database)
}

/// The new epoch has taken it up, or it is of another file.
pub fn forget(database: &Path) -> Result<()> {
    files::remove(super::LABEL, &path(database)?).map(drop)
}

fn path(database: &Path) -> Result<PathBuf> {
    Ok(super::folder(database)?.join(NAME))
}

/// The checksum of what a database holds; `None` where it holds nothing.
fn holds(database: &Path) -> Result<Option<Checksum>> {
    let failed = |e| disk::sqlite::failed("read", database, e);
    let connection = sqlite::open_live(database, LOCK_WAIT)?;
    connection.execute_batch("BEGIN").map_err(failed)?;
    let Some((shape, _)) = sqlite::shape(&connection).map_err(failed)? else { return Ok(None) };
    let progress = Progress::bytes("verifying", shape.bytes());
    Ok(Some(snapshot::checksums(&connection, shape, &progress)?.content))
}
