//! The page shows each fault soon after it begins, and soon after it ends.

use std::fs;

use mini_pra_tests::{Host, now_ms};

use crate::scene::Scene;

#[test]
fn an_application_that_is_gone_is_told_and_so_is_its_return() {
    let scene = Scene::safe();
    let port = scene.host.port();
    let Scene { browser, host, data, .. } = scene;
    host.kill();
    browser.wait_for_text("#level", |level| level == "No answer");
    assert!(
        browser.text("#sentence").starts_with("The application does not answer since "),
        "{}",
        browser.text("#sentence")
    );
    assert!(browser.text("#announcement").contains("does not answer"));
    let host = Host::options().port(port).start(&data);
    browser.wait_for_text("#level", |level| level == "Safe");
    // The browser itself notes that it was refused; nothing else was wrong.
    let others: Vec<_> = browser.console().into_iter().filter(|line| !line.contains("net::ERR_")).collect();
    assert_eq!(others, Vec::<String>::new());
    host.stop();
}

#[test]
fn an_application_that_hangs_is_told() {
    let mut scene = Scene::safe();
    // As when its disk hangs: connections are taken, and nothing is answered.
    let pid = scene.host.process().pid().to_string();
    let signal =
        |name: &str| assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    scene.browser.wait_for_text("#level", |level| level == "No answer");
    signal("-CONT");
    scene.wait_for_level("Safe");
}

#[test]
fn each_cause_of_danger_is_shown_and_goes_when_it_is_mended() {
    let scene = Scene::safe();
    let (now, backup) = (now_ms(), &scene.backup);
    for (broken, mended, words, page) in [
        (
            format!("UPDATE restore_points SET error = 'integrity_check failed' WHERE file = '{backup}'"),
            "UPDATE restore_points SET error = NULL".to_owned(),
            "is damaged",
            "backup-not-verified",
        ),
        (
            "UPDATE volumes SET free_bytes = 4096 WHERE volume = 'data'".to_owned(),
            "UPDATE volumes SET free_bytes = 536870912".to_owned(),
            "the data volume is full, and writes and restores fail",
            "volume-full",
        ),
        (
            "UPDATE rehearsals SET outcome = 'failed', error = 'a page differs'".to_owned(),
            "UPDATE rehearsals SET outcome = 'good', error = NULL".to_owned(),
            "a page differs",
            "rehearsal-failed",
        ),
        (
            format!(
                "UPDATE restore_points SET created_at_ms = {now} - 1000000;
                 UPDATE replicas SET seen_ms = {now} - 90000, synced_ms = {now} - 90000"
            ),
            format!(
                "UPDATE restore_points SET created_at_ms = {now};
                 UPDATE replicas SET seen_ms = {now} + 600000, synced_ms = {now} + 599600"
            ),
            "the newest verified backup is 17 min old",
            "backups-old",
        ),
    ] {
        scene.publish(&broken);
        let sentence = scene.wait_for_level("In danger");
        assert!(sentence.contains(words), "{sentence}");
        let reasons = scene.browser.text("#reasons");
        assert!(reasons.contains(&format!("What to do: {page}")), "{reasons}");
        assert_eq!(scene.browser.text("#symbol"), "✕");
        scene.publish(&mended);
        scene.wait_for_level("Safe");
    }
}

#[test]
fn a_lost_database_and_an_unreadable_catalog_are_dangers() {
    let scene = Scene::safe();
    let catalog = fs::read(scene.data.catalog()).unwrap();
    fs::write(scene.data.catalog(), "this is not SQLite, however long it may be".repeat(100)).unwrap();
    assert!(scene.wait_for_level("In danger").contains("the catalog of backups cannot be read"));
    fs::write(scene.data.catalog(), catalog).unwrap();
    scene.wait_for_level("Safe");
    fs::remove_file(scene.data.database()).unwrap();
    assert!(scene.wait_for_level("In danger").contains("the application is not ready"));
    assert_eq!(scene.browser.text("#events"), "–");
}

#[test]
fn a_replica_that_is_cut_off_needs_attention() {
    let scene = Scene::safe();
    scene.publish("UPDATE replicas SET error = 'connection refused'");
    let sentence = scene.wait_for_level("Needs attention");
    assert!(sentence.contains("the replica file:///replica is not followed: connection refused"), "{sentence}");
    assert!(scene.browser.text("#replicas tbody").contains("✕ connection refused"));
}
