//! Scratch space: a folder that is removed with its owner.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use disk::files;
use disk::rights::Rights;
use nix::fcntl::{Flock, FlockArg};
use pra_core::{Error, Result};

/// What the folders' names begin with.
const PREFIX: &str = ".pra-rehearsal-";

/// A folder of our own; the lock on it says that it has an owner, also to another container, whose process ids differ.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    _in_use: Flock<File>,
}

impl Scratch {
    /// Makes one within `folder`, of the owner of `database`: what root's rehearsal leaves when it is killed must not
    /// be in that owner's way.
    pub(super) fn new(folder: &Path, database: &Path) -> Result<Self> {
        let path = folder.join(format!("{PREFIX}{:x}", disk::clock::now().as_nanosecond()));
        let made = Rights::of(database).map(Rights::to_owner).and_then(|rights| {
            // The restored data may have been encrypted: only this user may read it.
            rights.create_folder(&path)?;
            let locked = Flock::lock(File::open(&path)?, FlockArg::LockExclusiveNonblock);
            let in_use = locked.map_err(|(_, errno)| std::io::Error::from(errno))?;
            rights.create_folder(&path.join("backup"))?;
            Ok(in_use)
        });
        let in_use = made.map_err(|e| {
            Error::io("make the folder", &path, e).hint("name a folder with room for the database: --scratch DIR")
        })?;
        Ok(Self { path, _in_use: in_use })
    }

    /// Where the database is restored to.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join("app.db")
    }

    /// A backup folder without backups.
    pub(super) fn no_backups(&self) -> PathBuf {
        self.path.join("backup")
    }

    /// Removes what killed rehearsals left in `folder`.
    pub(super) fn remove_leftovers(folder: &Path) -> Result<()> {
        for entry in files::entries(folder)? {
            if !entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
                continue;
            }
            let opened = match File::open(entry.path()) {
                Ok(opened) => opened,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                // In a folder of several users, as /tmp is, others rehearse too.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    let folder = entry.path();
                    tracing::warn!(folder = %folder.display(), "another user's rehearsal is at work here, or was killed: only that user can remove it");
                    continue;
                }
                Err(error) => return Err(Error::io("open", &entry.path(), error)),
            };
            // One that is at work keeps its own.
            if Flock::lock(opened, FlockArg::LockExclusiveNonblock).is_ok() {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            tracing::warn!(error = error.chain(), "the next rehearsal removes it");
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}
