//! Rehearsals and drills: old ones, failed ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::alarms::Alarms;
use crate::scene::Scene;
use mini_pra_tests::{Database, Job, backup_job, now_ms, wait_until};

#[test]
fn a_rehearsal_that_nobody_repeats_is_an_alarm_until_somebody_does() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick().scaled("PraRehearsalTooOld", "36 * 3600", "12"));
    prometheus.wait_for(&["PraRehearsalTooOld(backup)", "PraRehearsalTooOld(file)"]);
    scene.rehearse().succeeds();
    prometheus.wait_for(&[]);
}

#[test]
fn a_replica_that_cannot_be_restored_is_an_alarm_until_it_can() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    let good = damage(&scene.store());
    scene.rehearse().fails_with(4);
    prometheus.wait_for(&["PraRehearsalFailed(file)"]);
    for (path, bytes) in good {
        fs::write(path, bytes).unwrap();
    }
    scene.rehearse().succeeds();
    prometheus.wait_for(&[]);
}

#[test]
fn an_encrypted_source_that_nobody_opened_is_not_rehearsed_and_no_failure() {
    let mut scene = Scene::without_backups();
    let key = scene.data.path().join("pra.key");
    let keygen = Command::new(backup_job()).arg("keygen").arg("-o").arg(&key).output().unwrap();
    let recipient = String::from_utf8(keygen.stdout).unwrap();
    Job::new("backup", &scene.data).args(&["--recipient", recipient.trim()]).succeeds();
    scene.replicate();
    scene.wait_for_replica();
    let prometheus = scene.watched(&Alarms::quick());
    let rehearse = || Job::new("rehearse", &scene.data);
    rehearse().succeeds();
    wait_until("the rehearsal is known", || !prometheus.query("pra_rehearsal_last_timestamp_seconds").is_empty());
    prometheus.wait_for(&["PraRehearsalNever"]);
    assert!(prometheus.query("pra_rehearsal_last_good").is_empty(), "neither good nor bad");
    rehearse().arg("--identity").arg(&key).succeeds();
    prometheus.wait_for(&[]);
}

/// Damages all transactions of a replica, in the middle; what they were.
fn damage(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut good = Vec::new();
    let mut folders = vec![store.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ltx") {
                let bytes = fs::read(&path).unwrap();
                let mut damaged = bytes.clone();
                damaged[bytes.len() / 2] ^= 0xff;
                fs::write(&path, damaged).unwrap();
                good.push((path, bytes));
            }
        }
    }
    assert!(!good.is_empty(), "the replica has no transaction");
    good
}

/// A drill takes a cluster. Here its row is written into the catalog, as `backup-job drill` writes it there.
pub(crate) fn record_drill(catalog: &Path, kept: bool) {
    let row = format!(
        "INSERT INTO drills (at_ms, kind, kept, rto_seconds, rpo_seconds, acknowledged, lost, refused)
         VALUES ({}, 'volume-loss', {}, 9.5, 6.1, 405, 131, 0)",
        now_ms(),
        u8::from(kept)
    );
    Database::open(catalog).run(&row);
}

#[test]
fn a_drill_that_broke_its_promise_is_told_until_one_keeps_it() {
    let mut scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    // It publishes the catalog each second: a row that is written by hand must not get in between.
    scene.kill_replicator();
    record_drill(&scene.data.catalog(), false);
    scene.replicate();
    prometheus.wait_for(&["PraDrillPromiseBroken(volume-loss)"]);
    scene.kill_replicator();
    record_drill(&scene.data.catalog(), true);
    scene.replicate();
    prometheus.wait_for(&[]);
    // The next publication keeps them.
    Job::new("backup", &scene.data).succeeds();
    assert_eq!(Database::open(&scene.data.catalog()).get::<i64>("SELECT count(*) FROM drills", []), 2);
}
