//! The workshop's own commands.

use std::time::Duration;

use mini_pra_tests::wait_for_within;

use crate::installation::Installation;

#[test]
fn the_routes_of_the_workshop_answer_and_a_backup_appears_by_itself() {
    let pra = Installation::with_schedule("workshop");
    assert_eq!(pra.asks("/")["status"], "Bonjour tout le monde !");
    assert_eq!(pra.asks("/health")["status"], "ok");
    pra.adds(&["one", "two"]);
    assert_eq!(pra.asks("/count")["count"], 2);
    assert_eq!(pra.asks("/consultation")[0]["message"], "two");

    // A minute may have begun since the installation, and have had its backup.
    let before = pra.asks("/status")["last_backup_file"].clone();
    // Within a minute by the schedule; the rest is for the pod to start.
    let status = wait_for_within(Duration::from_secs(70), "the next backup", || {
        Some(pra.asks("/status")).filter(|status| status["last_backup_file"] != before)
    });
    assert!(status["last_backup_file"].as_str().is_some_and(|name| name.starts_with("backup-")), "{status}");
    assert!(status["backup_age_seconds"].as_u64().is_some_and(|age| age < 70), "{status}");
}

#[test]
fn the_application_cannot_write_to_the_backups() {
    let pra = Installation::rendered("readonly");
    pra.apply();
    let events = pra.get(&["deployment", "events"]);
    let mounts = events["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].as_array().unwrap().clone();
    let backup = mounts.iter().find(|mount| mount["name"] == "backup").unwrap();
    assert_eq!(backup["readOnly"], true);
}
