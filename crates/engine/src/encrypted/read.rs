//! Reads encrypted files from their beginning to their end, in bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use disk::progress::Progress;
use disk::read_back::damaged;
use disk::sqlite::Shape;
use disk::stop;
use ltx::DatabaseChecksum;
use pra_core::checksum::{Checksum, Checksums};
use pra_core::header::{HEADER_SIZE, Header};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use store::encryption::{Identities, Opener};

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// The shape and the checksums of the database that `plain` is, read to its end: an opener says only there that
/// nothing was cut off. `path` is where it came from.
///
/// # Errors
/// [`Code::Damaged`] where it was changed, or is no whole database.
pub(crate) fn sum(mut plain: impl Read, path: &Path, progress: &Progress) -> Result<(Shape, Checksums)> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = fill(&mut plain, &mut buffer, path)?;
    let header = Header::parse(&buffer[..filled.min(HEADER_SIZE)]).map_err(|e| damaged(path, e.to_string()))?;
    // At most 64 KiB and a power of two, so that a whole number of pages fills the buffer.
    let page_size = header.page_size as usize;
    let mut sum = DatabaseChecksum::new(header.page_size);
    let mut pages = 0_u32;
    while filled > 0 {
        stop::check()?;
        if filled % page_size != 0 {
            return Err(damaged(path, "it ends within a page".to_owned()));
        }
        for page in buffer[..filled].chunks_exact(page_size) {
            pages = pages.checked_add(1).ok_or_else(|| damaged(path, "it has too many pages".to_owned()))?;
            sum.add(pages, page);
        }
        progress.add(filled as u64);
        filled = fill(&mut plain, &mut buffer, path)?;
    }
    if pages != header.pages {
        return Err(damaged(path, format!("it has {pages} pages where its header says {}", header.pages)));
    }
    Ok((Shape { page_size: header.page_size, pages, wal: header.is_wal() }, sum.finish()))
}

/// As much as there is.
fn fill(plain: &mut impl Read, buffer: &mut [u8], path: &Path) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match plain.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(path, error)),
        }
    }
    Ok(filled)
}

/// What an opener says of a file that was changed or cut off is damage; the rest is the disk's.
pub(super) fn unread(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            damaged(path, "the encrypted file was changed or cut off".to_owned()).because(error)
        }
        _ => Error::io("read", path, error),
    }
}

/// Opens the encrypted file at `path`.
///
/// # Errors
/// [`Code::Usage`] where none of the identities fits; [`Code::Damaged`] where it is no encrypted file.
pub(crate) fn opened<R: Read>(identities: &Identities, from: R, path: &Path) -> Result<Opener<R>> {
    store::encryption::open(identities, from).map_err(|error| match error {
        error if error.code() == Code::Damaged => damaged(path, error.to_string()),
        error => {
            let hint = error.hint_text().unwrap_or_default().to_owned();
            Error::new(error.code(), format!("failed to open '{}'", path.display())).because(error).hint(hint)
        }
    })
}

/// CRC-64/GO-ISO of the file as it lies there.
pub(crate) fn file_checksum(path: &Path, progress: &Progress) -> Result<Checksum> {
    let mut file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let mut digest = ltx::digest();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Checksum::from(digest.finalize())),
            Ok(read) => {
                digest.update(&buffer[..read]);
                progress.add(read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path, error)),
        }
    }
}

/// Fails where the encrypted file at `path` is not the one that `point` records, as far as that shows without opening
/// it. `false` where nothing is recorded.
///
/// # Errors
/// [`Code::Damaged`].
pub(crate) fn require_unchanged(path: &Path, point: &RestorePoint, progress: &Progress) -> Result<bool> {
    let Some(recorded) = point.file_checksum else { return Ok(false) };
    let found = file_checksum(path, progress)?;
    if found == recorded {
        return Ok(true);
    }
    Err(damaged(path, format!("the encrypted file has the checksum {found}, {recorded} is recorded")))
}

/// What an attempt to open the file at `path` gave. Where no identity fits, it may be that the file's header was
/// changed: then that is the error.
pub(crate) fn blame<T>(opened: Result<T>, path: &Path, point: &RestorePoint) -> Result<T> {
    match opened {
        Err(error) if error.code() == Code::Usage => {
            require_unchanged(path, point, &Progress::none())?;
            Err(error)
        }
        opened => opened,
    }
}
