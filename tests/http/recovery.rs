//! `/recovery`: the verdict on whether the data could be brought back now, and the evidence.

use std::fs;

use mini_pra_tests::{Job, now_ms};
use serde_json::{Value, json};

use crate::site::Site;
use crate::status::{Backup, everything, publish_with};

fn pages(recovery: &Value) -> Vec<&str> {
    let reasons = recovery["verdict"]["reasons"].as_array().expect("no reasons");
    // The disk of this machine may be full enough for a reason of its own.
    reasons
        .iter()
        .map(|reason| reason["page"].as_str().expect("no page"))
        .filter(|page| *page != "volume-full")
        .collect()
}

#[test]
fn with_a_verified_backup_and_a_good_rehearsal_it_is_safe() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    publish_with(site.data(), &[Backup::good("backup-1.db", now_ms() - 42_000)], &everything());
    let recovery = site.client.get_json("/recovery");
    assert_eq!((&recovery["verdict"]["level"], pages(&recovery)), (&json!("safe"), vec![]), "{recovery}");
    assert_eq!((&recovery["ready"], &recovery["events"]), (&json!(true), &json!(1)));
    assert_eq!(recovery["restore"]["running"], false);
    assert_eq!(recovery["rehearsals"].as_array().unwrap().len(), 2);
}

#[test]
fn the_verdict_follows_its_causes() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let none = site.client.get_json("/recovery");
    assert_eq!((&none["verdict"]["level"], pages(&none)), (&json!("danger"), vec!["no-backup", "rehearsal-old"]));
    Job::new("backup", site.data()).succeeds();
    let backed_up = site.client.get_json("/recovery");
    assert_eq!((&backed_up["verdict"]["level"], pages(&backed_up)), (&json!("warning"), vec!["rehearsal-old"]));
    assert!(backed_up["verdict"]["loss_seconds"].is_number(), "{backed_up}");
    fs::remove_file(site.data().database()).unwrap();
    let lost = site.client.get_json("/recovery");
    assert_eq!((&lost["verdict"]["level"], pages(&lost)[0]), (&json!("danger"), "volume-lost"));
    assert_eq!((&lost["ready"], &lost["events"]), (&json!(false), &json!(null)));
}

#[test]
fn a_catalog_that_cannot_be_read_is_a_danger_and_an_answer() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    fs::write(site.data().catalog(), "this is not SQLite, however long it may be".repeat(100)).unwrap();
    let recovery = site.client.get_json("/recovery");
    assert_eq!(pages(&recovery), ["no-backup"]);
    assert!(recovery["catalog_error"].is_string() && recovery["events"] == 1, "{recovery}");
}
