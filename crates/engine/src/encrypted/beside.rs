//! An encrypted restore point, decrypted beside the database for as long as it is needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use disk::files::{self, Writer};
use disk::progress::Progress;
use disk::read_back::{self, Checked, damaged};
use disk::scratch::Scratch;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use super::keys::Keys;
use super::read::{blame, opened, unread};

/// Bytes opened at a time.
const CHUNK: usize = 1 << 20;

/// Decrypts the file of `point` in `backups` beside `database`, and verifies it as every restore point is: each byte
/// against the record, and `integrity_check`. It is not synced: the restore makes its own copy.
///
/// # Errors
/// [`Code::Usage`] where no identity was given, or none fits; [`Code::Damaged`] where it is damaged.
pub(crate) fn open_beside(
    database: &Path,
    backups: &Path,
    point: &RestorePoint,
    keys: &Keys,
) -> Result<(Scratch, Checked)> {
    let encrypted = backups.join(&point.file);
    let identities = keys.required(&encrypted)?;
    let file = File::open(&encrypted).map_err(|e| Error::io("open", &encrypted, e))?;
    let opener = blame(opened(&identities, file, &encrypted), &encrypted, point)?;
    let (scratch, writer) = Scratch::create(database)?;
    let plain = point.bytes.max(u64::from(point.page_size) * u64::from(point.pages));
    files::require_room(files::folder_of(database), plain, "opening the encrypted restore point")?;

    let progress = Progress::bytes("opening", point.bytes);
    copy(opener, &encrypted, &writer, &progress)?;
    progress.finish();
    let checked = read_back::check(scratch.path(), &Progress::none()).map_err(|error| match error.code() {
        Code::Damaged => damaged(&encrypted, "it opens to no whole database".to_owned()).because(error),
        _ => error,
    })?;
    read_back::compare(&checked, &encrypted, point)?;
    Ok((scratch, checked))
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
