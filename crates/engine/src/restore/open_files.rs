//! Who has a file open, whether or not they hold a lock on it.
//!
//! In rollback-journal mode SQLite holds locks during transactions only. A connection that is idle at the moment would
//! go on with the file that was replaced, and what it writes would be lost with that. So the kernel is asked.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pra_core::{Error, Result};

use super::range_lock;

const PROCESSES: &str = "/proc";

/// Fails if another process has the file at `path` open. Only root sees processes of other users, and no user sees
/// processes of other containers.
///
/// # Errors
/// [`pra_core::Code::Busy`].
pub(super) fn require_none(path: &Path) -> Result<()> {
    let file = match fs::metadata(path) {
        Ok(file) => (file.dev(), file.ino()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("look at", path, error)),
    };
    let Some(process) = numbered(Path::new(PROCESSES)).into_iter().find(|process| has_open(process, file)) else {
        return Ok(());
    };
    let pid = process.file_name().unwrap_or_default().display().to_string();
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    Err(range_lock::busy(path).because(format!("process {pid} ({}) has it open", name.trim())))
}

fn has_open(process: &Path, file: (u64, u64)) -> bool {
    let ours = process.file_name().is_some_and(|pid| pid == std::process::id().to_string().as_str());
    !ours
        && numbered(&process.join("fd"))
            .iter()
            .any(|descriptor| fs::metadata(descriptor).is_ok_and(|open| (open.dev(), open.ino()) == file))
}

/// The entries of a folder of `/proc` whose names are numbers. What has ended meanwhile, or may not be seen, has none.
fn numbered(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let is_number = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    entries.filter(|entry| is_number(&entry.file_name())).map(|entry| entry.path()).collect()
}
