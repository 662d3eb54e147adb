//! Scratch space: a folder that goes with its owner.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files;

/// What the folders' names begin with.
const PREFIX: &str = ".pra-rehearsal-";

/// A folder of our own.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one within `folder`.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let path = folder.join(format!("{PREFIX}{}", std::process::id()));
        remove(&path)?;
        // What is restored may have been encrypted: it is for nobody else.
        let made = fs::DirBuilder::new().mode(0o700).create(&path).and_then(|()| fs::create_dir(path.join("backup")));
        made.map_err(|e| {
            Error::io("make the folder", &path, e).hint("name a folder with room for the database: --scratch DIR")
        })?;
        Ok(Self(path))
    }

    /// Where the database is restored to.
    pub(super) fn database(&self) -> PathBuf {
        self.0.join("app.db")
    }

    /// A backup folder without backups.
    pub(super) fn no_backups(&self) -> PathBuf {
        self.0.join("backup")
    }

    /// Removes what killed rehearsals left in `folder`.
    pub(super) fn remove_leftovers(folder: &Path) -> Result<()> {
        for entry in files::entries(folder)? {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
            // One that is at work keeps its own.
            if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(error = error.chain(), "the next rehearsal removes it");
        }
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}
