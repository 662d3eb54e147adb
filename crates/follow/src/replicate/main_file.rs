//! Whether anything but our own checkpoints has written the database's file.
//!
//! In WAL mode a commit goes to the log, and only a checkpoint writes the file. So a file that changed between two of
//! ours was checkpointed by another process, which changes nothing of what is read, or it was written beside SQLite: by
//! `cp`, `rsync`, a snapshot that was set back beneath. Of that the log says nothing; only comparing all pages tells.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Of the time, one part in so many is spent on comparisons that others' checkpoints cause.
const SHARE: u32 = 50;

/// As the file system knows the file: length, and when content and inode changed, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The file, and what is known of it.
#[derive(Debug)]
pub(super) struct MainFile {
    path: PathBuf,
    known: Option<Stamp>,
    is_suspect: bool,
    not_before: Instant,
}

impl MainFile {
    /// Nothing is known yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: None, is_suspect: false, not_before: Instant::now() }
    }

    /// Looks whether it was changed since the last look. What cannot be looked at fails elsewhere.
    pub(super) fn look(&mut self) {
        let now = self.stamp();
        self.is_suspect |= self.known.is_some() && now != self.known;
        self.known = now;
    }

    /// What has changed since the last look was ours.
    pub(super) fn was_ours(&mut self) {
        self.known = self.stamp();
    }

    /// Whether another process has changed it since all pages were compared.
    pub(super) fn is_suspect(&self) -> bool {
        self.is_suspect
    }

    /// Whether it is time to compare: at once where nothing was compared for long, and at the `end`.
    pub(super) fn is_due(&self, end: bool) -> bool {
        self.is_suspect && (end || Instant::now() >= self.not_before)
    }

    /// All that was there at the last look has been compared, which took so long.
    pub(super) fn compared(&mut self, took: Duration) {
        self.is_suspect = false;
        self.not_before = Instant::now() + took * SHARE;
    }

    fn stamp(&self) -> Option<Stamp> {
        let file = fs::metadata(&self.path).ok()?;
        Some(Stamp {
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_not_suspect_and_all_else_is_until_it_is_compared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let mut file = MainFile::new(path.clone());
        for (length, ours) in [(1, false), (2, true), (3, false)] {
            file.look();
            fs::write(&path, vec![0; length]).unwrap();
            if ours {
                file.was_ours();
            }
            file.look();
            assert_eq!(file.is_suspect(), length == 3, "the first look has nothing before it");
        }
        assert!(file.is_due(false));
        file.compared(Duration::from_secs(60));
        fs::write(&path, b"more").unwrap();
        file.look();
        assert!(file.is_suspect() && !file.is_due(false) && file.is_due(true));
    }
}
