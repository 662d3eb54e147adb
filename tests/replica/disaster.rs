//! Application and replicator are killed and the volume is gone: only the end of the history is lost, at most a second, and
//! never more than the lag that the replicator's metrics showed.

use std::fs;
use std::net::{SocketAddr, TcpListener};

use mini_pra_tests::{Client, Data, Job, Ledger, Minio, Store, now_ms, wait_until};

use crate::random;
use crate::replicator::Replicator;
use crate::writers::Writers;

/// How often it happens. A variable, since a hundred times take a while.
const TURNS: &str = "PRA_DISASTERS";

/// What may be lost.
const PROMISE_MS: i64 = 1000;

#[test]
fn a_lost_volume_loses_a_suffix_of_at_most_a_second() {
    let turns = std::env::var(TURNS).map_or(2, |turns| turns.parse().unwrap());
    let minio = Minio::start();
    for turn in 1..=turns {
        let data = Data::new();
        let folder = Store::folder(&data, "replica");
        disaster(&format!("{turn}: a folder"), &data, &folder, &[]);
        let s3 = minio.store(&format!("disaster-{turn}"));
        disaster(&format!("{turn}: S3"), &Data::new(), &s3, &["--sync-interval", "250ms"]);
    }
}

fn disaster(name: &str, data: &Data, store: &Store, arguments: &[&str]) {
    Job::new("init", data).succeeds();
    let mut writers = Writers::start(data, 500);
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let metrics_addr = metrics.to_string();
    let arguments = [&["--metrics-addr", metrics_addr.as_str()], arguments].concat();
    let mut replicator = Replicator::start(data, &[store], &arguments);
    // The whole copy is made, and what follows has begun.
    wait_until("the store follows", || store.newest() > 1);
    writers.wait_for_more(1 + random(1000));

    let asked_ms = now_ms();
    let lag_ms = lag_ms(metrics);
    let killed_ms = now_ms();
    replicator.strike();
    let ledger = writers.kill();
    replicator.kill();
    fs::remove_dir_all(data.database().parent().unwrap()).unwrap();

    let (lost, lost_ms) = loss(store, &ledger, killed_ms);
    eprintln!("disaster {name} lost {lost} of {} events, {lost_ms} ms (lag {lag_ms} ms)", ledger.acknowledged());
    assert!(lost_ms <= lag_ms + (killed_ms - asked_ms), "the lag was {lag_ms} ms, and {lost_ms} ms were lost");
}

/// The lag that the replicator's metrics show, in ms, rounded up.
fn lag_ms(metrics: SocketAddr) -> i64 {
    let answer = Client::without_keep_alive(&format!("http://{metrics}")).get("/metrics");
    let text = String::from_utf8(answer.body).unwrap();
    let sample = text.lines().find(|line| line.starts_with("pra_replica_lag_seconds{")).expect("there is no lag");
    let seconds: f64 = sample.rsplit_once(' ').unwrap().1.parse().unwrap();
    i64::try_from(std::time::Duration::from_secs_f64(seconds).as_millis()).unwrap() + 1
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
