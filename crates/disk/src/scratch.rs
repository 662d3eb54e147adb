//! A restore point that lies beside the database for as long as it is needed: decrypted, or fetched.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use pra_core::naming::TEMPORARY_PREFIX;
use pra_core::{Error, Result};

use crate::files::{self, Writer};

const LABEL: &str = "restore:scratch";

/// Between the prefix of all temporaries and the rest. A restore that is alone removes all that begin so far.
const MARK: &str = "restore-scratch-";

/// A file that goes with its owner; the lock on it says that there is one.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _in_use: Flock<File>,
}

impl Scratch {
    /// Makes an empty one beside `database`, and removes those of killed runs.
    pub fn create(database: &Path) -> Result<(Self, Writer)> {
        remove_dead(database)?;
        let now = crate::clock::now().as_nanosecond();
        let path = files::beside(database, &format!("{TEMPORARY_PREFIX}{MARK}{now:x}-"))?;
        let writer = Writer::create_like(LABEL, &path, database)?;
        let lock = writer.file().try_clone().map_err(|e| Error::io("open", &path, e))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| Error::io("lock", &path, errno.into()))?;
        Ok((Self { path, _in_use: lock }, writer))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = files::remove(LABEL, &self.path) {
            tracing::warn!(%error, "a restore point that is needed no more stays until the next restore removes it");
        }
    }
}

/// Removes what killed runs left beside `database`: files that no process holds a lock on.
pub fn remove_dead(database: &Path) -> Result<()> {
    let folder = files::folder_of(database);
    let prefix = format!("{TEMPORARY_PREFIX}{MARK}");
    for entry in files::entries(folder)? {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            let file = match File::open(entry.path()) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("open", &entry.path(), error)),
            };
            if Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok() {
                files::remove(LABEL, &entry.path())?;
            }
        }
    }
    Ok(())
}
