use super::*;
use proptest::prelude::*;
use rusqlite::Connection;

fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn numbered(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 7 % 251) as u8).collect()
}

/// Where reads go: on from the last one, over a gap, back, or anywhere.
fn steps() -> impl Strategy<Value = Vec<(i64, usize)>> {
    let step = prop_oneof![4 => Just(0_i64), 2 => 0..600_000_i64, 1 => -600_000..0_i64];
    let len = prop_oneof![3 => Just(4096_usize), 1 => 1..70_000_usize];
    prop::collection::vec((step, len), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_order_of_reads_the_bytes_are_those_of_the_file(size in 0..2_000_000_usize, steps in steps()) {
        let bytes = numbered(size);
        let (_folder, path) = file(&bytes);
        let mut reading = ReadAhead::open(&path).unwrap();
        let mut at = 0_i64;
        for (step, len) in steps {
            at = (at + step).rem_euclid(2_100_000);
            let mut buffer = vec![0xee; len];
            let read = reading.read(&mut buffer, at as u64).unwrap();
            let there = bytes.get(at as usize..).unwrap_or_default();
            prop_assert_eq!(read, there.len().min(len));
            prop_assert_eq!(&buffer[..read], &there[..read]);
            at += len as i64;
        }
        let memory: usize = reading.windows.iter().map(|window| window.bytes.capacity()).sum();
        prop_assert!(memory <= WINDOWS * LARGEST_WINDOW, "{} bytes", memory);
    }
}

#[test]
fn two_scans_in_turn_are_each_read_ahead_and_pages_anywhere_are_read_alone() {
    let (_folder, path) = file(&numbered(64 << 20));
    let mut reading = ReadAhead::open(&path).unwrap();
    let mut page = [0; 4096];
    let mut anywhere = 7_u64;
    for number in 0..4000 {
        for scan in [0, 32 << 20] {
            reading.read(&mut page, scan + number * 4096).unwrap();
        }
        anywhere = anywhere.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        reading.read(&mut page, (anywhere >> 33) % (16 << 10) * 4096).unwrap();
    }
    let large = reading.windows.iter().filter(|window| window.bytes.len() == LARGEST_WINDOW).count();
    assert!(large >= 2, "{large} scans are read ahead");
    for scan in [0, 32 << 20] {
        assert!(reading.windows.iter().any(|window| window.get(scan + 3999 * 4096, 4096).is_some()));
    }
}

#[test]
fn a_database_is_opened_without_locks_or_sidecars_and_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a ?name#with%20 everything.db");
    let live = Connection::open(&path).unwrap();
    live.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(100000)); BEGIN EXCLUSIVE").unwrap();
    let connection = crate::sqlite::open_immutable(&path).unwrap();
    let length: u32 = connection.query_row("SELECT length(x) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(length, 100_000);
    assert!(connection.execute_batch("INSERT INTO t VALUES (1)").is_err());
    assert!(crate::sqlite::open_immutable(&folder.path().join("missing")).is_err());
}

#[test]
fn a_sorter_that_needs_a_temporary_file_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let live = Connection::open(&path).unwrap();
    live.execute_batch(
        "CREATE TABLE t(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) \
         INSERT INTO t SELECT randomblob(400) FROM n",
    )
    .unwrap();
    let connection = crate::sqlite::open_immutable(&path).unwrap();
    connection.execute_batch("PRAGMA cache_size = 10; PRAGMA temp_store = FILE").unwrap();
    let sorted: u32 = connection
        .query_row("SELECT count(*) FROM (SELECT x FROM t ORDER BY x LIMIT 20000 OFFSET 1)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sorted, 20_000);
}
