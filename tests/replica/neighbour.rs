//! Other processes that do to a database everything that SQLite allows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mini_pra_tests::{Data, Database, Job, Store, wait_until};
use rusqlite::ErrorCode;

use crate::content::assert_same;
use crate::random;
use crate::replicator::Replicator;

/// How often the replicator ends and comes back, and what it ships meanwhile.
const ROUNDS: usize = 4;
const TRANSACTIONS: u64 = 30;

/// What a neighbour does, one after another, as often as the others let it.
const CHECKPOINTS: &[&str] = &[
    "PRAGMA wal_checkpoint(PASSIVE)",
    "PRAGMA wal_checkpoint(FULL)",
    "PRAGMA wal_checkpoint(RESTART)",
    "PRAGMA wal_checkpoint(TRUNCATE)",
];
const MODES: &[&str] = &["PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = WAL", "VACUUM"];
const WRITES: &[&str] = &[
    "INSERT INTO heap (bytes) SELECT randomblob(abs(random()) % 3000) FROM (VALUES (1), (2), (3), (4), (5))",
    "UPDATE heap SET bytes = randomblob(length(bytes)) WHERE id % 7 = abs(random()) % 7",
    "DELETE FROM heap WHERE id % 5 = abs(random()) % 5",
    // Frames are spilled into the WAL, and overwritten once they are rolled back.
    "BEGIN IMMEDIATE; UPDATE heap SET bytes = randomblob(4000); ROLLBACK",
    "BEGIN IMMEDIATE; INSERT INTO heap (bytes) SELECT randomblob(2500) FROM heap LIMIT 200; COMMIT",
    "DELETE FROM heap WHERE id < (SELECT max(id) FROM heap) - 600",
];
/// One that takes its time.
const READS: &[&str] = &["BEGIN; SELECT count(*) FROM heap; SELECT count(*) FROM heap, heap AS other; COMMIT"];

/// How often each thing was done.
type Done = BTreeMap<&'static str, usize>;

/// Does one thing after another; what is locked is left for the next turn.
fn neighbour(data: &Data, statements: &'static [&'static str], stop: &AtomicBool) -> Done {
    let mut done = Done::new();
    while !stop.load(Ordering::SeqCst) {
        // As the application does: connections come and go.
        let database = Database::open(&data.database());
        database.connection().busy_timeout(Duration::from_millis(50)).unwrap();
        // Small, so that a transaction's pages are in the log long before it ends.
        run(&database, "PRAGMA cache_size = 10");
        for _ in 0..=random(20) {
            for sql in statements {
                *done.entry(sql).or_default() += usize::from(run(&database, sql));
            }
        }
    }
    done
}

/// Whether it went through; if not, it was locked.
fn run(database: &Database, sql: &str) -> bool {
    let Err(error) = database.connection().execute_batch(sql) else { return true };
    let code = error.sqlite_error_code();
    assert!(matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)), "{sql}: {error}");
    if !database.connection().is_autocommit() {
        database.run("ROLLBACK");
    }
    false
}

#[test]
fn hostile_neighbours_cannot_make_the_replica_differ() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    data.open().run("CREATE TABLE heap (id INTEGER PRIMARY KEY, bytes BLOB)");
    let store = Store::folder(&data, "replica");
    let mut done = Done::new();
    for round in 0..ROUNDS {
        let mut replicator = beset(&data, &store, &mut done);
        // Killed, or asked to end: what it leaves behind is not the same.
        if round % 2 == 0 {
            replicator.kill();
        } else {
            replicator.stop();
        }
        // Now that no other process has the database open, it lets its mode be changed, and writers go on in the other one.
        let database = data.open();
        for sql in [MODES[0], WRITES[0]] {
            database.run(sql);
            *done.entry(sql).or_default() += 1;
        }
        if round % 4 > 1 {
            database.run("PRAGMA journal_mode = WAL");
            database.run(WRITES[1]);
        }
    }
    for sql in [CHECKPOINTS, MODES, WRITES, READS].concat() {
        assert!(done.get(sql).is_some_and(|times| *times > 0), "never done: {sql}");
    }
    let mut replicator = replicator(&data, &store);
    replicator.reaches(&store);
    replicator.stop();
    assert_eq!(store.epochs().len(), 1);
    assert_same(&store.restored(&[]).database(), &data.database());
}

fn replicator(data: &Data, store: &Store) -> Replicator {
    Replicator::start(data, &[store], &["--sync-interval", "1ms", "--levels", "1s,2s,3s"])
}

/// Lets the neighbours loose while a replicator works, until it has shipped some transactions.
fn beset(data: &Data, store: &Store, done: &mut Done) -> Replicator {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopping = Stopping(&stop);
        let groups = [CHECKPOINTS, MODES, WRITES, WRITES, READS];
        let neighbours = groups.map(|group| {
            let stop = &stop;
            scope.spawn(move || neighbour(data, group, stop))
        });
        let mut replicator = replicator(data, store);
        replicator.reaches(store);
        let at = store.newest();
        wait_until("further transactions", || store.newest() > at + TRANSACTIONS);
        drop(stopping);
        for (sql, times) in neighbours.into_iter().flat_map(|neighbour| neighbour.join().unwrap()) {
            *done.entry(sql).or_default() += times;
        }
        replicator
    })
}

/// Sets the flag when dropped, also where a test panics: a scope waits for its threads.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
