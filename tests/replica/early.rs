//! The parts of a first copy are in S3 while its file is still made: a process that dies meanwhile leaves nothing that could be
//! taken for the copy.

use std::fs;

use mini_pra_tests::{Data, Database, Job, JobAnswer, Minio, Store};

use crate::content::assert_same;

/// Of the operations, which are mostly writes to the file, one in so many is died at.
const EVERY: usize = 4;

/// A few parts, whatever compression makes of it.
fn large() -> Data {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let event = "INSERT INTO events(timestamp, message) SELECT '2026-01-01T00:00:00Z', hex(randomblob(200000)) FROM n";
    data.open().run(&format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) {event}"));
    data
}

fn job(data: &Data, store: &Store) -> Job {
    store.given_to(Job::with_crash_points("replicate", data)).arg("--once")
}

/// The messages that the store restores; `None` where it has nothing yet.
fn restored(store: &Store) -> Option<Vec<String>> {
    let elsewhere = Data::new();
    let JobAnswer { code, stdout, stderr } =
        store.given_to(Job::new("restore", &elsewhere)).args(&["--yes", "--mode", "replace"]).run();
    match code {
        Some(0) => Some(Database::open(&elsewhere.database()).messages()),
        Some(3 | 6) => None,
        code => panic!("restore exits with {code:?}: {stdout}{stderr}"),
    }
}

#[test]
fn a_first_copy_that_dies_anywhere_is_in_s3_whole_or_not_at_all() {
    let minio = Minio::start();
    let data = large();
    let messages = data.open().messages();
    let fresh = || {
        let copy = Data::new();
        fs::create_dir_all(copy.database().parent().unwrap()).unwrap();
        fs::copy(data.database(), copy.database()).unwrap();
        copy
    };
    data.open().run("PRAGMA wal_checkpoint(TRUNCATE)");

    let traced = fresh();
    let store = minio.store("traced");
    let trace = traced.path().join("trace");
    let answer = job(&traced, &store).env("PRA_CRASH_TRACE", &trace).run();
    assert_eq!(answer.code, Some(0), "{}{}", answer.stdout, answer.stderr);
    let trace = fs::read_to_string(trace).unwrap();
    let operations = trace.lines().count();
    let lines: Vec<&str> = trace.lines().collect();
    let first = |what: &str| lines.iter().position(|line| line.contains(what)).expect(what);
    let last = |what: &str| lines.iter().rposition(|line| line.contains(what)).expect(what);
    assert!(first("store-part") < first("store-complete"), "{trace}");
    // The map has a record of the file, and it has its name, before a store makes an object of it. (The first object of
    // parts is the probe's.)
    let (recorded, named) = (last("\trename\tmap\t"), last("\trename\tstaging\t"));
    assert!(recorded < named && named < last("store-complete"), "{trace}");

    let (mut without, mut with) = (0, 0);
    for number in (1..=operations).step_by(EVERY) {
        let (data, store) = (fresh(), minio.store(&format!("died-at-{number}")));
        let died = job(&data, &store).env("PRA_CRASH_AT", number.to_string()).run();
        match restored(&store) {
            None => {
                assert_ne!(died.code, Some(0), "at {number}");
                without += 1;
            }
            Some(found) => {
                assert!(found == messages, "at {number}: {} of {} events", found.len(), messages.len());
                with += 1;
            }
        }
        let answer = job(&data, &store).run();
        assert_eq!(answer.code, Some(0), "at {number}: {}{}", answer.stdout, answer.stderr);
        assert_eq!(store.epochs().len(), 1, "at {number}: {:?}", store.epochs());
        assert_same(&store.restored(&[]).database(), &data.database());
    }
    println!("first copy: {operations} operations, {without} deaths before it was there, {with} after");
    assert!(without > 0);
}
