//! What is in a database, to the byte.

use std::fs;
use std::path::Path;

use mini_pra_tests::Database;

/// Bytes of page 1 that two databases with the same content may differ in: journal mode, change counters, schema cookie.
const VOLATILE: [std::ops::Range<usize>; 4] = [18..20, 24..28, 40..44, 92..96];

/// All bytes but the volatile ones. No other process may have it open: its WAL is moved into it.
#[track_caller]
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let database = Database::open(path);
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    assert_eq!(database.integrity(), "ok");
    drop(database);
    let mut bytes = fs::read(path).unwrap();
    VOLATILE.into_iter().for_each(|range| bytes[range].fill(0));
    bytes
}

/// Asserts that both databases are the same.
#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (content(one), content(other));
    assert_eq!(one.len(), other.len(), "bytes");
    let differs = one.chunks(4096).zip(other.chunks(4096)).position(|(one, other)| one != other);
    assert_eq!(differs, None, "the first page that differs, from 0");
}
