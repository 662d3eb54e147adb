//! Application and replicator are killed and the volume is gone: what is lost is a suffix, and at most a second of it.

use std::fs;

use mini_pra_tests::{Data, Job, Ledger, now_ms, wait_until};

use crate::minio::Minio;
use crate::random;
use crate::replicator::Replicator;
use crate::store::Store;
use crate::writers::Writers;

/// How often it happens. A variable, since a hundred times take a while.
const TURNS: &str = "PRA_DISASTERS";

/// What may be lost.
const PROMISE_MS: i64 = 1000;

#[test]
fn a_lost_volume_loses_a_suffix_of_at_most_a_second_in_every_store() {
    let turns = std::env::var(TURNS).map_or(3, |turns| turns.parse().unwrap());
    let minio = Minio::start();
    for turn in 1..=turns {
        disaster(&minio, turn);
    }
}

fn disaster(minio: &Minio, turn: usize) {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let stores = [Store::folder(&data, "replica"), minio.store(&format!("disaster-{turn}"))];
    let [folder, s3] = &stores;
    let mut writers = Writers::start(&data, 500);
    let mut replicator = Replicator::start(&data, &[folder, s3], &["--sync-interval", "250ms"]);
    // The whole copy is made, and what follows has begun.
    wait_until("both stores follow", || stores.iter().all(|store| store.newest() > 1));
    writers.wait_for_more(1 + random(1000));

    let killed_ms = now_ms();
    replicator.strike();
    let ledger = writers.kill();
    replicator.kill();
    fs::remove_dir_all(data.database().parent().unwrap()).unwrap();

    for store in &stores {
        let (lost, lost_ms) = loss(store, &ledger, killed_ms);
        let scheme = store.url.split(':').next().unwrap();
        eprintln!("disaster {turn}: {scheme} lost {lost} of {} events, {lost_ms} ms", ledger.acknowledged());
    }
}

/// How many acknowledged events a restore from the store lacks, and how long before the end the first of them was
/// acknowledged.
#[track_caller]
fn loss(store: &Store, ledger: &Ledger, killed_ms: i64) -> (usize, i64) {
    let restored = store.restored(&[]);
    let database = restored.open();
    assert_eq!(database.integrity(), "ok");
    let events = database.events();
    // Ids are given in the order of the transactions: the first so many are there, so that a suffix is not.
    for (event, id) in events.iter().zip(1..) {
        assert_eq!(event.id, id, "a hole in {}", store.url);
    }
    let messages: Vec<_> = events.into_iter().map(|event| event.message).collect();
    let lost = ledger.account(&messages).missing;
    let first_ms = lost.iter().filter_map(|entry| entry.acknowledged_ms).min().unwrap_or(killed_ms);
    let promised = |at: i64| at <= killed_ms - PROMISE_MS;
    ledger.account_where(&messages, |entry| entry.acknowledged_ms.is_some_and(promised)).assert_even();
    (lost.len(), killed_ms - first_ms)
}
