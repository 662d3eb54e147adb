//! Writes a snapshot into an encrypted file, and proves that the file holds it.

use std::path::Path;

use disk::files::{self, Writer};
use disk::progress::Progress;
use disk::read_back::{self, Checked, Findings, forget_cached};
use disk::snapshot;
use disk::sqlite::{self, Shape};
use ltx::DatabaseChecksum;
use pra_core::checksum::{Checksum, Checksums};
use pra_core::{Code, Error, Result};
use rusqlite::Connection;
use store::encryption::Recipients;

use super::file::{EncryptedFile, Written, room};
use super::read;

/// An encrypted copy that was read back, and has no name yet.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) writer: Writer,
    /// What is in it.
    pub(crate) checked: Checked,
    /// Its size.
    pub(crate) bytes: u64,
    /// Of the encrypted file.
    pub(crate) file_checksum: Checksum,
}

/// Encrypts the snapshot that `connection`'s transaction holds into the new file `to`, syncs it, and opens it again.
/// Damage of the database itself is a [`Checked::problem`].
///
/// # Errors
/// [`Code::Damaged`] if the file on the disk does not hold the snapshot. The file stays then: the caller
/// removes it.
pub(crate) fn copy(
    label: &'static str,
    connection: &Connection,
    shape: Shape,
    to: &Path,
    recipients: &Recipients,
) -> Result<Copied> {
    files::require_room(files::folder_of(to), room(shape.bytes()), "the encrypted copy")?;
    let database = connection.path().map_or(to, Path::new);
    let mut file = EncryptedFile::create(label, to, database, recipients)?;
    let progress = Progress::bytes("encrypting", shape.bytes());
    let mut sum = DatabaseChecksum::new(shape.page_size);
    snapshot::batches(connection, shape, |first, pages| {
        for (number, page) in (first..).zip(pages.chunks_exact(shape.page_size as usize)) {
            sum.add(number, page);
        }
        progress.add(pages.len() as u64);
        file.write(pages)
    })?;
    progress.finish();
    let written = file.finish()?;
    let progress = Progress::bytes("verifying", shape.bytes());
    let (read, found, events) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_back(&written, &progress));
        let found = read_back::findings_of(connection);
        let events = sqlite::count_events(connection);
        (reading.join(), found, events)
    });
    let (shape, read) = read.map_err(|_panic| Error::new(Code::Failed, "the reading thread panicked"))??;
    if read != sum.finish() {
        return Err(Error::new(
            Code::Damaged,
            format!("'{}' opens as {read}, {} was encrypted", to.display(), sum.finish()),
        )
        .hint("the backup volume returns other bytes than it was given: replace it"));
    }
    // The snapshot's own: what is in the file is the same.
    let failed = |e| disk::sqlite::failed("check", to, e);
    let Findings { mut problem, warnings } = found.map_err(failed)?;
    let events = events.map_err(failed).unwrap_or_else(|error| {
        // A table that cannot be counted is one more sign of damage.
        if error.code() == Code::Damaged {
            problem.get_or_insert_with(|| error.chain());
        }
        None
    });
    let Written { writer, bytes, checksum, key: _forgotten } = written;
    Ok(Copied {
        writer,
        checked: Checked { shape, checksums: read, events, problem, warnings },
        bytes,
        file_checksum: checksum,
    })
}

/// Syncs the file and decrypts it from the disk.
fn read_back(written: &Written, progress: &Progress) -> Result<(Shape, Checksums)> {
    written.writer.sync()?;
    let path = written.writer.path();
    forget_cached(path)?;
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    read::sum(written.key.open(file)?, path, progress)
}
