//! A sealed restore point, opened beside the database for as long as it is needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::keys::Keys;
use super::read::{blame, opened, unread};
use crate::error::{Code, Error, Result};
use crate::files::{self, Writer};
use crate::model::naming::TEMPORARY_PREFIX;
use crate::model::restore_point::RestorePoint;
use crate::progress::Progress;
use crate::verify::{self, Checked, damaged};

const LABEL: &str = "restore:opened";

/// Between the prefix of all temporaries and the rest. A restore that is alone removes all that begin so far.
const MARK: &str = "restore-opened-";

/// Bytes opened at a time.
const CHUNK: usize = 1 << 20;

/// A file of plaintext that goes with its owner; the lock on it says that there is one.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _in_use: Flock<File>,
}

impl Scratch {
    /// Opens the sealed file of `point` in `backups` beside `database`, and verifies it as every restore point is: each
    /// byte against what is recorded, and `integrity_check`. It is not synced: who restores it makes something of it.
    ///
    /// # Errors
    /// [`Code::Usage`] where no identity was given, or none fits; [`Code::VerificationFailed`] where it is damaged.
    pub(crate) fn open(backups: &Path, point: &RestorePoint, keys: &Keys, database: &Path) -> Result<(Self, Checked)> {
        let sealed = backups.join(&point.file);
        let identities = keys.required(&sealed)?;
        remove_dead(database)?;
        let plain = point.bytes.max(u64::from(point.page_size) * u64::from(point.pages));
        files::require_room(files::folder_of(database), plain, "opening the sealed restore point")?;

        let file = File::open(&sealed).map_err(|e| Error::io("open", &sealed, e))?;
        let opener = blame(opened(&identities, file, &sealed), &sealed, point)?;
        let (scratch, writer) = Self::create(database)?;
        let progress = Progress::bytes("opening", point.bytes);
        copy(opener, &sealed, &writer, &progress)?;
        progress.finish();
        let checked = verify::check(&scratch.path, &Progress::none()).map_err(|error| match error.code() {
            Code::VerificationFailed => damaged(&sealed, "it opens to no whole database".to_owned()).because(error),
            _ => error,
        })?;
        verify::compare(&checked, &sealed, point)?;
        Ok((scratch, checked))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn create(database: &Path) -> Result<(Self, Writer)> {
        let path = path_beside(database)?;
        let writer = Writer::create(LABEL, &path)?;
        let lock = writer.file().try_clone().map_err(|e| Error::io("open", &path, e))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| Error::io("lock", &path, errno.into()))?;
        Ok((Self { path, _in_use: lock }, writer))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = files::remove(LABEL, &self.path) {
            tracing::warn!(%error, "the opened restore point stays until the next restore removes it");
        }
    }
}

fn path_beside(database: &Path) -> Result<PathBuf> {
    let Some(name) = database.file_name() else {
        return Err(Error::new(Code::Usage, format!("'{}' is not the name of a file", database.display())));
    };
    let now = jiff::Timestamp::now().as_nanosecond();
    let mut scratch = std::ffi::OsString::from(format!("{TEMPORARY_PREFIX}{MARK}{now:x}-"));
    scratch.push(name);
    Ok(files::folder_of(database).join(scratch))
}

fn copy(mut from: impl Read, path: &Path, to: &Writer, progress: &Progress) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                to.write_at(&buffer[..read], offset)?;
                offset += read as u64;
                progress.add(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(path, error)),
        }
    }
}

/// Removes what killed runs have opened beside `database`: files that nobody holds a lock on.
pub(crate) fn remove_dead(database: &Path) -> Result<()> {
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
