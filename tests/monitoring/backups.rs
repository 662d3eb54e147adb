//! Backups: none, an old one, a damaged one.

use std::fs;

use mini_pra_tests::Job;

use crate::alarms::Alarms;
use crate::scene::Scene;

#[test]
fn an_application_without_a_backup_is_an_alarm_until_there_is_one() {
    let mut scene = Scene::without_backups();
    scene.replicate();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&["PraNoBackup", "PraRehearsalNever"]);
    scene.backup();
    prometheus.wait_for(&["PraRehearsalNever"]);
    scene.rehearse().succeeds();
    prometheus.wait_for(&[]);
}

#[test]
fn backups_that_stop_are_an_alarm_until_they_go_on() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick().scaled("PraBackupTooOld", "600", "10"));
    prometheus.wait_for(&["PraBackupTooOld"]);
    scene.backup();
    prometheus.wait_for(&[]);
}

#[test]
fn a_newest_backup_that_is_damaged_is_an_alarm_until_there_is_a_good_one() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    let newest = scene.backup();
    let mut bytes = fs::read(&newest).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 0xff;
    fs::write(&newest, bytes).unwrap();
    Job::new("verify", &scene.data).fails_with(4);
    prometheus.wait_for(&["PraBackupNotVerified"]);
    scene.backup();
    prometheus.wait_for(&[]);
}
