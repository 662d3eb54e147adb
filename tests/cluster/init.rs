//! The rules of `init`, where they matter: a pod that starts beside an empty volume.

use crate::installation::Installation;
use crate::job::Job;

#[test]
fn an_empty_volume_is_restored_before_the_application_answers() {
    let pra = Installation::new("init");
    pra.adds(&["one", "two", "three"]);
    let point = pra.backs_up("now");
    pra.loses_its_volume();
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["one", "two", "three"]);
    // Two pods began at once beside the empty volume: one restored, the other found what it had restored.
    let restored: Vec<String> = pra
        .pods()
        .iter()
        .map(|pod| pra.kubectl(&["logs", pod["metadata"]["name"].as_str().unwrap(), "--container=init"]))
        .filter(|log| log.contains(&point))
        .collect();
    assert_eq!(restored.len(), 1, "{restored:?}");
}

#[test]
fn a_first_installation_starts_empty_and_its_second_pod_keeps_what_the_first_made() {
    let pra = Installation::new("first");
    assert_eq!(pra.answers()["count"], 0);
    pra.adds(&["kept"]);
    pra.kubectl(&["rollout", "restart", "deployment/events"]);
    pra.is_ready();
    pra.answers();
    assert_eq!(pra.messages(), ["kept"]);
}

#[test]
fn beside_a_damaged_newest_backup_nothing_starts_and_an_older_one_is_restored_only_where_that_is_accepted() {
    let pra = Installation::new("damaged");
    // No backup of the schedule's own comes in between.
    pra.kubectl(&["patch", "cronjob", "sqlite-backup", "--patch", r#"{"spec":{"suspend":true}}"#]);
    pra.adds(&["early"]);
    let older = pra.backs_up("first");
    pra.adds(&["late"]);
    let newest = pra.backs_up("second");
    assert_eq!(pra.runs_job("damage", &Job::sabotage(&["damage", &format!("/backup/{newest}")])).code, 0);
    pra.loses_its_volume();
    pra.kubectl(&["scale", "deployment/events", "--replicas=1"]);
    let refused = pra.init_fails();
    assert_eq!(refused.code, 4, "{}", refused.log);
    for words in [&newest, &older, "--accept-older"] {
        assert!(refused.log.contains(words), "'{words}' is not in\n{}", refused.log);
    }

    pra.tells_init("--accept-older");
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["early"]);
}

#[test]
fn while_the_backups_cannot_be_listed_no_empty_application_starts_and_afterwards_they_are_restored() {
    const FOLDER: &str = "/backup/inner";
    let pra = Installation::new("unlisted");
    let folder = |name: &str, mode: &str| {
        let ended = pra.runs_job(name, &Job::sabotage(&["folder", FOLDER, mode]));
        assert_eq!(ended.code, 0, "{}", ended.log);
    };
    pra.adds(&["kept"]);
    folder("make", "755");
    let backup = pra.runs_job("backup", &Job::from("sqlite-backup").more(&[&format!("--backups={FOLDER}")]));
    assert_eq!(backup.code, 0, "{}", backup.log);
    folder("close", "0");
    pra.loses_its_volume();
    pra.tells_init(&format!("--backups={FOLDER}"));
    pra.kubectl(&["scale", "deployment/events", "--replicas=1"]);
    let failed = pra.init_fails();
    assert_eq!(failed.code, 6, "{}", failed.log);

    folder("open", "755");
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["kept"]);
}
