//! The name that a file of the backup folder is about to get, in a file of its own, `.pra.announced`.
//!
//! It has one size and is written in place: one sync, and no name changes in the folder. A write that was torn announces
//! nothing, which is right, since the file has no name before the sync. The name that it held before is that of a file
//! with a row, or of none.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use pra_core::{Error, Result};

use crate::files::{self, Writer};

const LABEL: &str = "announcement";
const FILE: &str = ".pra.announced";

/// Longer than any name of a file.
const WIDTH: usize = 255;

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The name that was announced last.
///
/// # Errors
/// Where it cannot be read.
pub(super) fn read(folder: &Path) -> Result<Option<String>> {
    match fs::read(path(folder)) {
        // What is torn is no name, or that of no file.
        Ok(bytes) => Ok(String::from_utf8(bytes).ok().map(|name| name.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", &path(folder), error)),
    }
}

/// Announces `name` durably. The caller holds [`crate::lock::publication`].
///
/// # Errors
/// Where it cannot be written.
pub(super) fn write(folder: &Path, name: &str) -> Result<()> {
    let path = path(folder);
    let is_there = path.try_exists().map_err(|e| Error::io("look at", &path, e))?;
    let file = if is_there { Writer::open(LABEL, &path) } else { Writer::create_shared(LABEL, &path) }?;
    file.write_at(format!("{name:<WIDTH$}\n").as_bytes(), 0)?;
    file.sync()?;
    if is_there { Ok(()) } else { files::sync_folder_of(LABEL, &path) }
}
