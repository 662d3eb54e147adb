//! Backups, restores and crashes while writers are at work: a ledger counts lost events, and there are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod failed_sync;
mod synced;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mini_pra_tests::{Checkpointer, Client, Data, Host, Job, Ledger, Writers, now_ms};
use serde_json::{Value, json};

const WRITERS: usize = 4;

/// The application with its checkpointer.
fn application() -> (Data, Checkpointer, Host) {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let checkpointer = Checkpointer::start(&data);
    let host = Host::start(&data);
    (data, checkpointer, host)
}

fn messages(data: &Data) -> Vec<String> {
    data.open().events().into_iter().map(|event| event.message).collect()
}

fn assert_nothing_refused(ledger: &Ledger) {
    let refusals = ledger.refusals();
    assert!(refusals.is_empty(), "{} requests were refused: {:?}", refusals.len(), refusals.first());
}

/// Instant of a restore point in milliseconds, as `list` has it.
fn created_ms(data: &Data, file: &Value) -> i64 {
    let list = Job::new("list", data).succeeds();
    let row = list.as_array().unwrap().iter().find(|row| &row["point"] == file).expect("the restore point is listed");
    row["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// Makes backups one after another until it is told to stop.
fn backups(data: &Arc<Data>, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<u32> {
    let (data, stop) = (Arc::clone(data), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut made = 0;
        while !stop.load(Ordering::SeqCst) {
            Job::new("backup", &data).arg("--no-prune").succeeds();
            made += 1;
        }
        made
    })
}

#[test]
fn an_in_place_restore_under_load_refuses_no_request_and_loses_only_what_it_was_asked_to() {
    let (data, _checkpointer, host) = application();
    let data = Arc::new(data);
    let writers = Writers::start(host.client(), "load", WRITERS);
    writers.wait_for_more(200);
    let point = Job::new("backup", &data).succeeds()["file"].clone();
    let point_ms = created_ms(&data, &point);

    let stop = Arc::new(AtomicBool::new(false));
    let others = backups(&data, &stop);
    writers.wait_for_more(200);
    let report = Job::new("restore", &data).args(&["--yes", "--point", point.as_str().unwrap()]).succeeds();
    let restored_ms = now_ms();
    writers.wait_for_more(200);
    stop.store(true, Ordering::SeqCst);
    assert!(others.join().unwrap() > 0, "backups went on meanwhile");
    let ledger = writers.stop();

    assert_eq!(report["mode"], "in-place");
    assert_nothing_refused(&ledger);
    ledger
        .account_where(&messages(&data), |entry| {
            entry.acknowledged_ms.is_some_and(|at| at < point_ms) || entry.sent_ms > restored_ms
        })
        .assert_even();
}

#[test]
fn a_restore_is_undone_by_restoring_its_safety_copy_under_load() {
    let (data, _checkpointer, host) = application();
    host.client().post("/events", &json!({"message": "first"}));
    let point = Job::new("backup", &data).succeeds()["file"].clone();
    let writers = Writers::start(host.client(), "undo", WRITERS);
    writers.wait_for_more(100);
    let before_ms = now_ms();
    let report = Job::new("restore", &data).args(&["--yes", "--point", point.as_str().unwrap()]).succeeds();
    let undone =
        Job::new("restore", &data).args(&["--yes", "--point", report["safety_copy"].as_str().unwrap()]).succeeds();
    let undone_ms = now_ms();
    writers.wait_for_more(100);
    let ledger = writers.stop();

    assert_eq!(undone["source"], "safety-copy");
    assert_nothing_refused(&ledger);
    let mut there = messages(&data);
    there.retain(|message| message != "first");
    ledger
        .account_where(&there, |entry| {
            entry.acknowledged_ms.is_some_and(|at| at < before_ms) || entry.sent_ms > undone_ms
        })
        .assert_even();
}

#[test]
fn a_hundred_megabytes_under_four_writers_are_restored_without_a_refused_request() {
    let (data, _checkpointer, host) = application();
    data.open().run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
         INSERT INTO events(timestamp, message) SELECT '2025-01-10T12:00:00.000Z', 'old ' || hex(randomblob(1000)) FROM n",
    );
    let backup = Job::new("backup", &data).succeeds();
    assert!(backup["bytes"].as_u64().unwrap() > 100_000_000, "{backup}");
    // Every page is to be written.
    data.open().run("UPDATE events SET message = 'new ' || hex(randomblob(1000))");
    let writers = Writers::start(host.client(), "big", WRITERS);
    writers.wait_for_more(50);
    let report = Job::new("restore", &data).args(&["--yes", "--mode", "in-place"]).succeeds();
    let restored_ms = now_ms();
    writers.wait_for_more(50);
    let ledger = writers.stop();

    assert!(report["pages_written"].as_u64().unwrap() > 25_000, "{report}");
    assert_nothing_refused(&ledger);
    let (new, there): (Vec<_>, Vec<_>) =
        messages(&data).into_iter().filter(|message| !message.starts_with("old ")).partition(|m| m.starts_with("new "));
    assert_eq!(new.len(), 0, "the damage is undone");
    ledger.account_where(&there, |entry| entry.sent_ms > restored_ms).assert_even();
}

#[test]
fn a_killed_application_comes_back_with_every_acknowledged_event_exactly_once() {
    let (data, _checkpointer, host) = application();
    let port = host.port();
    let writers = Writers::start(&Client::new(host.url()), "crash", WRITERS);
    writers.wait_for_more(50);
    let mut host = host;
    for _ in 0..3 {
        host.kill();
        host = Host::options().port(port).start(&data);
        writers.wait_for_more(50);
    }
    let ledger = writers.stop();
    ledger.account(&messages(&data)).assert_even();
}

#[test]
fn a_lost_volume_is_restored_to_the_newest_backup_before_the_application_starts() {
    let (data, checkpointer, host) = application();
    let writers = Writers::start(host.client(), "volume", WRITERS);
    writers.wait_for_more(100);
    let point = Job::new("backup", &data).succeeds()["file"].clone();
    let point_ms = created_ms(&data, &point);
    writers.wait_for_more(20);
    let ledger = writers.stop();
    host.stop();
    checkpointer.stop();
    std::fs::remove_dir_all(data.database().parent().unwrap()).unwrap();
    std::fs::create_dir(data.database().parent().unwrap()).unwrap();

    let report = Job::new("init", &data).succeeds();
    assert_eq!((&report["outcome"], &report["point"]), (&json!("restored"), &point));
    let host = Host::start(&data);
    assert_eq!(host.client().get("/ready").status, 200);
    ledger.account_where(&messages(&data), |entry| entry.acknowledged_ms.is_some_and(|at| at < point_ms)).assert_even();
}
