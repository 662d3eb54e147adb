//! The files that are in the backup folder.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pra_core::naming::{self, Kind};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use super::PUBLICATION_WAIT;
use crate::files;
use crate::lock;
use crate::progress::Progress;
use crate::read_back;

/// A file whose name is a restore point's.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// By its name: a file's time of modification does not survive a copy.
    pub(super) created_at: Timestamp,
    pub(super) bytes: u64,
}

/// Lists the restore points' files. Complete or an error: what an unreadable entry hides may be the only backup.
pub(super) fn files(folder: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let Some((kind, created_at)) = naming::parse(&name) else { continue };
        let metadata = entry.metadata().map_err(|e| Error::io("look at", &entry.path(), e))?;
        if metadata.is_file() {
            found.push(Found { name, kind, created_at, bytes: metadata.len() });
        }
    }
    Ok(found)
}

/// Removes what killed runs left behind. The caller holds the folder's lock.
pub fn remove_temporaries(folder: &Path) -> Result<()> {
    // A process that publishes a status right now has a temporary file too, and does not hold the folder's lock.
    let _one_writer = lock::publication(folder, PUBLICATION_WAIT)?;
    for entry in entries(folder)? {
        if entry.file_name().to_str().is_some_and(naming::is_temporary) {
            files::remove("leftover", &entry.path())?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    fs::read_dir(folder).and_then(Iterator::collect).map_err(|e| {
        Error::new(Code::OutOfReach, format!("failed to list the folder '{}'", folder.display()))
            .because(e)
            .hint("mount the volume there or make the folder, or name the right one with --backups")
    })
}

/// Reads a file back that nothing is recorded about, and fills in what it is.
pub(super) fn record(folder: &Path, point: &mut RestorePoint, now: Timestamp) {
    match read_back::check(&folder.join(&point.file), &Progress::none()) {
        Ok(checked) => {
            point.page_size = checked.shape.page_size;
            point.pages = checked.shape.pages;
            point.events = checked.events;
            point.content_checksum = checked.checksums.content;
            point.ltx_checksum = checked.checksums.ltx;
            point.verified_at = checked.problem.is_none().then_some(now);
            point.error = checked.problem;
            point.warnings = checked.warnings;
        }
        Err(error) if error.code() == Code::Stopped => {}
        Err(error) => point.error = Some(error.to_string()),
    }
}
