//! SQLite itself as the oracle of the format code: what it writes is what the parsers must read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use ltx::DatabaseChecksum;
use pra_core::{Checksums, Header, header, wal};

fn create(path: &Path, page_size: u32, mode: &str) -> Connection {
    let database = Connection::open(path).unwrap();
    let setup = format!(
        "PRAGMA page_size={page_size}; PRAGMA journal_mode={mode}; PRAGMA wal_autocheckpoint=0;
         PRAGMA user_version=-3; PRAGMA application_id=77;
         CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB);
         INSERT INTO t(x) SELECT randomblob(300) FROM generate_series(1, 200);"
    );
    let setup = setup.replace(
        "generate_series(1, 200)",
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n)",
    );
    database.execute_batch(&setup).unwrap();
    database
}

fn checksums(bytes: &[u8], page_size: u32) -> Checksums {
    let mut sum = DatabaseChecksum::new(page_size);
    (1..).zip(bytes.chunks_exact(page_size as usize)).for_each(|(number, page)| sum.add(number, page));
    sum.finish()
}

#[test]
fn headers_of_every_page_size_and_mode_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for exponent in 9..=16 {
        for mode in ["delete", "wal"] {
            let path = folder.path().join(format!("{exponent}-{mode}.db"));
            drop(create(&path, 1 << exponent, mode));
            let bytes = fs::read(&path).unwrap();
            let header = Header::parse(&bytes).unwrap();
            assert_eq!((header.page_size, header.is_wal()), (1 << exponent, mode == "wal"));
            assert_eq!((header.user_version, header.application_id, header.text_encoding), (-3, 77, 1));
            assert_eq!(header.valid_pages().map(u64::from), Some(bytes.len() as u64 / (1 << exponent)));
        }
    }
}

#[test]
fn a_backup_switched_out_of_wal_mode_has_the_content_of_the_live_database() {
    let folder = tempfile::tempdir().unwrap();
    let (live, copy) = (folder.path().join("live.db"), folder.path().join("copy.db"));
    drop(create(&live, 4096, "wal"));
    fs::copy(&live, &copy).unwrap();
    Connection::open(&copy).unwrap().query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(())).unwrap();
    let (live, copy) = (fs::read(&live).unwrap(), fs::read(&copy).unwrap());
    let (live, copy) = (checksums(&live, 4096), checksums(&copy, 4096));
    assert_ne!(live.ltx, copy.ltx);
    assert_eq!(live.content, copy.content);
}

#[test]
fn a_database_whose_journal_mode_was_set_by_hand_opens_in_that_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    drop(create(&path, 4096, "delete"));
    let mut bytes = fs::read(&path).unwrap();
    header::set_journal_mode(&mut bytes, true);
    fs::write(&path, bytes).unwrap();
    let mode: String = Connection::open(&path).unwrap().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

/// One `UPDATE` sets a flag in two rows; where they lie at the same place of two pages, the sum that
/// LTX defines does not move, and a backup that trusted it would be taken for unchanged.
#[test]
fn a_commit_that_leaves_the_ltx_checksum_as_it_was_changes_the_content_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let database = create(&path, 4096, "wal");
    let fill = "CREATE TABLE f(id INTEGER PRIMARY KEY, flag, pad);
        WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO f SELECT i, 0, zeroblob(100) FROM n;";
    database.execute_batch(fill).unwrap();
    let now = || {
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let bytes = fs::read(&path).unwrap();
        (checksums(&bytes, 4096), bytes)
    };
    let mut missed = 0;
    let (mut before, mut bytes) = now();
    for distance in 1..60 {
        let set = format!("UPDATE f SET flag = 1 - flag WHERE id IN (1500, 1500 + {distance})");
        database.execute_batch(&set).unwrap();
        let (after, changed) = now();
        assert_ne!(bytes, changed);
        assert_ne!(before.content, after.content, "distance {distance}");
        missed += u32::from(before.ltx == after.ltx);
        (before, bytes) = (after, changed);
    }
    assert_ne!(missed, 0, "the trap is there");
}

#[test]
fn every_page_that_a_checkpoint_changes_was_found_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    for page_size in [512, 4096, 65_536] {
        let path = folder.path().join(format!("{page_size}.db"));
        let mut database = create(&path, page_size, "wal");
        let checkpoint = "PRAGMA wal_checkpoint(RESTART)";
        for round in 0..6 {
            database.query_row(checkpoint, [], |_| Ok(())).unwrap();
            let before = fs::read(&path).unwrap();
            let write = database.transaction().unwrap();
            let changes = format!(
                "UPDATE t SET x = randomblob(400) WHERE id % 7 = {round};
                 INSERT INTO t(x) SELECT x FROM t WHERE id % 3 = {round} % 3;"
            );
            write.execute_batch(&changes).unwrap();
            write.commit().unwrap();
            let mut log = File::open(folder.path().join(format!("{page_size}.db-wal"))).unwrap();
            let changed = wal::changed_pages(&mut log, page_size).unwrap();
            database.query_row(checkpoint, [], |_| Ok(())).unwrap();
            let after = fs::read(&path).unwrap();
            let pages = after.len() as u64 / u64::from(page_size);
            assert_eq!(changed.largest_commit.map(u64::from), Some(pages));
            let found: BTreeSet<u32> = changed.pages.into_iter().collect();
            for (number, page) in (1_u32..).zip(after.chunks_exact(page_size as usize)) {
                let start = (number as usize - 1) * page_size as usize;
                let same = before.get(start..start + page.len()) == Some(page);
                assert!(same || found.contains(&number), "page {number} of {page_size} bytes, round {round}");
            }
            assert!(u64::try_from(found.len()).unwrap() <= pages);
        }
    }
}
