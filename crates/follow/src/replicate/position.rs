//! The position of a snapshot in the write-ahead log.

use std::ops::RangeInclusive;

use rusqlite::{Connection, ffi};

/// The end of a snapshot: its last frame in the run of the log that carries these salts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Salt 1 and salt 2. Each restart of the log adds one to salt 1.
    pub(super) salts: (u32, u32),
    /// Frames, counted from 1; 0 where the run has none yet.
    pub(super) frame: u32,
}

/// What may have been committed between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// Nothing.
    Nothing,
    /// What these frames of the later snapshot's run say.
    Frames(RangeInclusive<u32>),
    /// Anything: all pages are compared, for this reason.
    Doubt(&'static str),
}

impl Position {
    /// The position of the open read transaction of `connection`, a database in WAL mode; `None` where the log has never
    /// been written to.
    ///
    /// This is the snapshot's own `mxFrame`, not the end of the file: commit frames are there before they are
    /// published. The read transaction must have begun, or SQLite would begin one that never takes read mark 0.
    #[allow(unsafe_code, reason = "rusqlite has no binding for snapshots")]
    pub(super) fn of(connection: &Connection) -> Option<Self> {
        let mut snapshot: *mut ffi::sqlite3_snapshot = std::ptr::null_mut();
        // SAFETY: the handle is open as long as `connection` is borrowed; the name ends in 0; a snapshot is 48 bytes,
        // copied out before it is freed.
        let bytes: [u8; 48] = unsafe {
            if ffi::sqlite3_snapshot_get(connection.handle(), c"main".as_ptr(), &raw mut snapshot) != ffi::SQLITE_OK {
                return None;
            }
            let bytes = (*snapshot).hidden;
            ffi::sqlite3_snapshot_free(snapshot);
            bytes
        };
        Some(Self::parse(&bytes))
    }

    /// Reads SQLite's `WalIndexHdr`: `mxFrame` at 16 as the machine has it, the salts at 32 as the file has them.
    fn parse(header: &[u8; 48]) -> Self {
        let four = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
        Self {
            salts: (u32::from_be_bytes(four(32)), u32::from_be_bytes(four(36))),
            frame: u32::from_ne_bytes(four(16)),
        }
    }
}

/// What may have been committed between `before` and `now`, where the reader at `before` was held until the one at `now`
/// was open.
///
/// **All of it has its frames in the run of `now`.** A reader inside the log keeps it from restarting. A reader that
/// found the log written back completely has read mark 0, and then no page is written to the database file, so the log
/// can restart once (salt 1 is one higher) and not a second time before that reader goes. Anything else means that
/// a process breaks SQLite's rules.
pub(super) fn since(before: Option<Position>, now: Option<Position>) -> Since {
    match (before, now) {
        (None, None) => Since::Nothing,
        (None, Some(now)) => frames(1, now.frame),
        (Some(_), None) => Since::Doubt("the write-ahead log was removed"),
        (Some(before), Some(now)) if before.salts == now.salts && before.frame <= now.frame => {
            frames(before.frame + 1, now.frame)
        }
        (Some(before), Some(now)) if now.salts.0 == before.salts.0.wrapping_add(1) => frames(1, now.frame),
        (Some(_), Some(_)) => Since::Doubt("the write-ahead log restarted more than once"),
    }
}

fn frames(first: u32, last: u32) -> Since {
    if first <= last { Since::Frames(first..=last) } else { Since::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(salt: u32, frame: u32) -> Option<Position> {
        Some(Position { salts: (salt, salt.wrapping_mul(31)), frame })
    }

    #[test]
    fn frames_after_the_position_are_all_that_can_differ() {
        assert_eq!(since(at(5, 3), at(5, 3)), Since::Nothing);
        assert_eq!(since(at(5, 3), at(5, 9)), Since::Frames(4..=9));
        assert_eq!(since(None, at(5, 2)), Since::Frames(1..=2));
        assert_eq!(since(None, None), Since::Nothing);
    }

    #[test]
    fn one_restart_leaves_only_the_new_run() {
        assert_eq!(since(at(5, 3), at(6, 2)), Since::Frames(1..=2));
        assert_eq!(since(at(u32::MAX, 3), at(0, 0)), Since::Nothing);
    }

    #[test]
    fn all_else_is_doubt() {
        for now in [at(7, 3), at(4, 3), at(5, 2), None] {
            assert!(matches!(since(at(5, 3), now), Since::Doubt(_)), "{now:?}");
        }
    }

    #[test]
    fn the_snapshots_frame_is_its_own_and_not_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x)").unwrap();
        let reader = Connection::open(&path).unwrap();
        let begin = || {
            reader.execute_batch("BEGIN").unwrap();
            reader.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
            Position::of(&reader)
        };
        let first = begin().unwrap();
        assert!(first.frame > 0);
        writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert_eq!(Position::of(&reader), Some(first), "the snapshot stays");
        reader.execute_batch("COMMIT").unwrap();
        let second = begin().unwrap();
        assert_eq!(since(Some(first), Some(second)), Since::Frames(first.frame + 1..=second.frame));
        reader.execute_batch("COMMIT").unwrap();

        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        let third = begin().unwrap();
        assert!(matches!(since(Some(second), Some(third)), Since::Frames(_)));
    }

    #[test]
    fn a_log_that_was_never_written_has_no_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x)").unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        assert_eq!(Position::of(&reader), None);
    }
}
