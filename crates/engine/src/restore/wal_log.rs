//! Which pages may have changed between a snapshot and the write lock.
//!
//! A read transaction is held from the snapshot until the lock is ours. As long as it is held, **every commit after it
//! has its frames in the log's current run**: a frame leaves the log only when the log restarts, which takes that all
//! frames are in the database file already, and none after the snapshot can get there. (A reader inside the log stops
//! the checkpoint at its own mark; one that found the log written back completely holds the mark 0, and then no page
//! is written to the database file at all.) The log may restart once, at the reader's own position: salt 1 is then one
//! higher. A restart that is only in the shared index, and not yet in the file, has no frames, so no commit is
//! missed either. Anything else means that a process breaks SQLite's rules, and all pages are compared again.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use disk::files;
use pra_core::wal::{self, WAL_HEADER_SIZE, WalError, WalHeader};
use pra_core::{Error, Result};

/// The log's header; `None` where there is no log, or none with a header.
pub(super) fn header(database: &Path) -> Result<Option<WalHeader>> {
    let path = files::with_suffix(database, "-wal");
    let mut bytes = Vec::with_capacity(WAL_HEADER_SIZE);
    match File::open(&path).and_then(|file| file.take(WAL_HEADER_SIZE as u64).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path, error)),
    }
    match bytes.first_chunk() {
        // SQLite ignores a log whose header it does not know.
        Some(header) => Ok(WalHeader::parse(header).ok()),
        None => Ok(None),
    }
}

/// Whether a log whose header was `before` (read before the snapshot was opened) and is `now` (under the write lock)
/// holds every commit in between.
pub(super) fn is_continuous(before: Option<&WalHeader>, now: Option<&WalHeader>) -> bool {
    match (before, now) {
        // An empty log is a log written back completely.
        (None, _) => true,
        (Some(_), None) => false,
        (Some(before), Some(now)) => now.salts == before.salts || now.salts.0 == before.salts.0.wrapping_add(1),
    }
}

/// The pages that have a frame in the log's current run, ascending; `None` where the log cannot say.
pub(super) fn candidates(database: &Path, page_size: u32) -> Result<Option<Vec<u32>>> {
    let path = files::with_suffix(database, "-wal");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Some(Vec::new())),
        Err(error) => return Err(Error::io("open", &path, error)),
    };
    match wal::changed_pages(&mut BufReader::new(file), page_size) {
        Ok(changed) => Ok(Some(changed.pages)),
        Err(WalError::Read(error)) => Err(Error::io("read", &path, error)),
        Err(error @ (WalError::NotALog | WalError::OtherPageSize { .. })) => {
            tracing::warn!(log = %path.display(), %error, "all pages are compared");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_salts(one: u32, two: u32) -> WalHeader {
        WalHeader { page_size: 4096, checkpoint_seq: 0, salts: (one, two), big_endian_checksums: false }
    }

    #[test]
    fn one_restart_is_continuous_and_two_are_not() {
        let before = with_salts(u32::MAX, 5);
        assert!(is_continuous(Some(&before), Some(&before)));
        assert!(is_continuous(Some(&before), Some(&with_salts(0, 77))));
        assert!(!is_continuous(Some(&before), Some(&with_salts(1, 77))));
    }

    #[test]
    fn a_log_that_was_there_and_is_gone_is_doubtful() {
        assert!(!is_continuous(Some(&with_salts(1, 1)), None));
        assert!(is_continuous(None, Some(&with_salts(1, 1))));
    }
}
