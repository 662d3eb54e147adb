//! Trap 29: hostile neighbours, thousands of syncs, none wrong.
//!
//! Writers overlap, spill their cache before they commit and roll back; one neighbour checkpoints in every mode,
//! vacuums, shrinks and grows; one holds readers for long. After each sync the map's checksum must be that of the
//! snapshot, every page of it read.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use disk::{snapshot, sqlite};
use rusqlite::Connection;

use super::compare;
use super::follower::{Candidates, Follower, Snapshot};
use super::map::{Delta, PageMap};

/// Syncs of the test; `PRA_TORTURE_SYNCS` asks for more.
const SYNCS: u64 = 400;

fn open(path: &Path) -> Connection {
    let connection = sqlite::open_live(path, Duration::from_secs(60)).unwrap();
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cache_size=8").unwrap();
    connection
}

fn create(path: &Path, page_size: u32) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA page_size={page_size}; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; \
             CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB); CREATE INDEX i ON t(x);"
        ))
        .unwrap();
}

/// A small generator, so that a failing seed can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn write(path: &Path, seed: u64, stop: &AtomicBool, written: &AtomicU64) {
    let mut dice = Dice(seed);
    while !stop.load(Ordering::Relaxed) {
        // As Spin does it: a connection for each request.
        let connection = open(path);
        let size = dice.roll(3000);
        let statement = match dice.roll(12) {
            0 => "BEGIN IMMEDIATE; DELETE FROM t WHERE id % 3 = 0; ROLLBACK".to_owned(),
            // More than the cache holds: frames are in the log before the transaction ends.
            1 | 2 => format!("BEGIN IMMEDIATE; UPDATE t SET x = randomblob({size}); ROLLBACK"),
            3 => format!("BEGIN IMMEDIATE; UPDATE t SET x = randomblob({size}) WHERE id % 2; COMMIT"),
            4 if dice.roll(20) == 0 => "DELETE FROM t WHERE id % 4".to_owned(),
            5 if dice.roll(40) == 0 => "DELETE FROM t; PRAGMA incremental_vacuum".to_owned(),
            6 => "PRAGMA incremental_vacuum(5)".to_owned(),
            _ => format!("INSERT INTO t(x) VALUES (randomblob({size}))"),
        };
        written.fetch_add(u64::from(done(connection.execute_batch(&statement))), Ordering::Relaxed);
    }
}

fn neighbour(path: &Path, seed: u64, stop: &AtomicBool) {
    let mut dice = Dice(seed);
    while !stop.load(Ordering::Relaxed) {
        let connection = sqlite::open_live(path, Duration::from_millis(20)).unwrap();
        let statement = match dice.roll(8) {
            0 => "PRAGMA wal_checkpoint(PASSIVE)",
            1 => "PRAGMA wal_checkpoint(FULL)",
            2 => "PRAGMA wal_checkpoint(RESTART)",
            3 => "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_checkpoint(TRUNCATE)",
            4 => "VACUUM",
            5 => "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=WAL",
            _ => "BEGIN; SELECT count(*) FROM t; SELECT sum(length(x)) FROM t, (SELECT 1 UNION SELECT 2); COMMIT",
        };
        done(connection.execute_batch(statement));
    }
}

/// To be refused is part of it.
fn done(result: rusqlite::Result<()>) -> bool {
    result.inspect_err(|error| assert!(sqlite::is_busy(error), "{error}")).is_ok()
}

fn whole(snapshot: &Snapshot) -> u64 {
    let mut sum = 0;
    snapshot::for_each_page(snapshot.connection(), snapshot.shape, |number, page| {
        sum ^= ltx::page_checksum(number, page) | ltx::CHECKSUM_FLAG;
        Ok(())
    })
    .unwrap();
    sum | 1 << 63
}

/// One sync without a file.
fn sync(follower: &mut Follower, map: &mut PageMap, seen: &mut Seen) {
    assert!(follower.advance().unwrap());
    let snapshot = follower.current().unwrap();
    seen.by_the_log += u64::from(matches!(follower.candidates(), Candidates::Pages(_)));
    let mut delta = Delta { txid: map.txid() + 1, commit: snapshot.shape.pages, ..Delta::default() };
    compare::differing(snapshot, follower.candidates(), map, |number, _, sum| {
        delta.pages.push((number, sum));
        Ok(())
    })
    .unwrap();
    map.apply(&delta);
    assert_eq!(map.checksum(), whole(snapshot), "sync {} is wrong: {:?}", delta.txid, follower.candidates());
    seen.pages += delta.pages.len() as u64;
    seen.shrunk += u64::from(delta.commit < seen.size);
    seen.size = delta.commit;
    follower.shipped();
}

/// That the neighbours were hostile indeed.
#[derive(Debug, Default)]
struct Seen {
    by_the_log: u64,
    pages: u64,
    shrunk: u64,
    size: u32,
}

fn torture(page_size: u32, syncs: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    create(&path, page_size);
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut seen = Seen::default();
    std::thread::scope(|scope| {
        for seed in 1..=3 {
            let (path, stop, written) = (&path, &stop, &written);
            scope.spawn(move || write(path, seed * 0x9e37_79b9 + u64::from(page_size), stop, written));
        }
        scope.spawn(|| neighbour(&path, u64::from(page_size) + 77, &stop));
        let followed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let (mut follower, mut map) = (Follower::new(&path), PageMap::new(page_size));
            for _ in 0..syncs {
                let before = written.load(Ordering::Relaxed);
                sync(&mut follower, &mut map, &mut seen);
                while written.load(Ordering::Relaxed) == before {
                    std::thread::yield_now();
                }
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = followed {
            std::panic::resume_unwind(panic);
        }
    });
    eprintln!("page size {page_size}: {syncs} syncs, {} transactions, {seen:?}", written.into_inner());
    assert!(seen.by_the_log > syncs / 4, "the log was hardly ever believed");
    assert!(seen.pages > syncs && seen.shrunk > 0, "the neighbours did nothing");
}

#[test]
fn no_page_is_ever_missed_beside_hostile_neighbours() {
    let syncs = std::env::var("PRA_TORTURE_SYNCS").map_or(SYNCS, |syncs| syncs.parse().unwrap());
    for page_size in [512, 4096] {
        torture(page_size, syncs / 2);
    }
}
