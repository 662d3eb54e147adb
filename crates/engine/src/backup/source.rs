//! The live database as a backup sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::files;
use disk::sqlite::{self, Shape};
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::begin;

/// An open snapshot of the live database.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) shape: Shape,
    /// How its files looked before the snapshot: any later change gives another stamp the next time.
    pub(super) files: String,
}

impl Source {
    /// Opens the snapshot.
    ///
    /// # Errors
    /// [`Code::Damaged`] where the file is no database or damaged, [`Code::Failed`] where it is empty:
    /// emptiness must never become the newest backup.
    pub(super) fn open(path: &Path, wait: Duration) -> Result<Self> {
        let files = appearance(path)?;
        let connection = sqlite::open_live(path, wait)?;
        begin(&connection).map_err(|e| disk::sqlite::failed("read", path, e))?;
        let empty = || {
            Error::new(
                Code::Failed,
                format!("the database '{}' has no tables: there is nothing to back up", path.display()),
            )
            .hint("`backup-job init` restores the newest backup into it, or the application makes its tables")
        };
        let (shape, _) =
            sqlite::shape(&connection).map_err(|e| disk::sqlite::failed("read", path, e))?.ok_or_else(empty)?;
        if !sqlite::has_schema(&connection).map_err(|e| disk::sqlite::failed("read", path, e))? {
            return Err(empty());
        }
        Ok(Self { path: path.to_owned(), connection, shape, files })
    }
}

/// Fails with a hint where there is no database.
pub(super) fn require_there(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::new(Code::Failed, format!("there is no database at '{}'", path.display()))
                .because(error)
                .hint("name the right one with --database, or let `backup-job init` restore it"))
        }
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// Size, time and identity of the database's files.
fn appearance(path: &Path) -> Result<String> {
    use std::os::unix::fs::MetadataExt;
    let one = |path: &Path| -> Result<String> {
        match std::fs::metadata(path) {
            Ok(m) => Ok(format!("{}:{}:{}:{}.{:09}", m.dev(), m.ino(), m.size(), m.mtime(), m.mtime_nsec())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok("-".to_owned()),
            Err(error) => Err(Error::io("look at", path, error)),
        }
    };
    Ok(format!("{} {}", one(path)?, one(&files::with_suffix(path, "-wal"))?))
}
