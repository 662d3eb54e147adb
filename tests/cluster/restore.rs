//! `kubectl create job restore --from=cronjob/restore`.

use serde_json::{Value, json};

use crate::installation::Installation;
use crate::job::Job;

/// Each event's message says when it was written: before the first backup, or between it and the second.
fn with_two_backups(name: &str) -> (Installation, String, String) {
    let pra = Installation::new(name);
    pra.adds(&["early"]);
    let first = pra.backs_up("first");
    pra.adds(&["late"]);
    let second = pra.backs_up("second");
    (pra, first, second)
}

#[track_caller]
pub(crate) fn choose(pra: &Installation, point: &str) {
    let patch = json!({ "data": { "point": point } }).to_string();
    pra.kubectl(&["patch", "configmap", "restore-point", "--type=merge", "--patch", &patch]);
}

fn chosen(pra: &Installation) -> Value {
    pra.get(&["configmap", "restore-point"])["data"].clone()
}

fn uids(pra: &Installation) -> Vec<Value> {
    let mut pods: Vec<Value> = pra.pods().iter().map(|pod| pod["metadata"]["uid"].clone()).collect();
    pods.sort_by_key(Value::to_string);
    pods
}

/// Everything runs as before a restore: replicas, backups, no holder of the Lease, and nothing to put back.
#[track_caller]
pub(crate) fn all_is_back(pra: &Installation) {
    assert_eq!(pra.get(&["deployment", "events"])["spec"]["replicas"], 2);
    assert_eq!(pra.get(&["cronjob", "sqlite-backup"])["spec"]["suspend"], false);
    let lease = pra.get(&["lease", "restore"]);
    assert!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty(), "{lease}");
    assert_eq!(lease["metadata"]["annotations"].get("mini-pra/restore"), None, "{lease}");
    pra.is_ready();
    pra.answers();
}

#[test]
fn a_readable_database_is_restored_in_place_and_no_pod_is_touched() {
    let (pra, _, second) = with_two_backups("inplace");
    pra.adds(&["wrong"]);
    let before = uids(&pra);
    let ended = pra.runs("restore", "restore");
    assert_eq!(ended.code, 0, "{}", ended.log);
    let report = ended.answer();
    assert_eq!(
        (&report["point"], &report["mode"], &report["verified"]),
        (&json!(second), &json!("in-place"), &json!(true))
    );
    assert_eq!(report["quiesced"], Value::Null);
    assert_eq!(pra.messages(), ["early", "late"]);
    assert_eq!(uids(&pra), before);
    all_is_back(&pra);
    let events = pra.kubectl(&["get", "events", "-o", "jsonpath={.items[*].reason}"]);
    assert!(events.contains("RestoreStarted") && events.contains("Restored"), "{events}");

    // What the restore took away is a restore point as well.
    choose(&pra, report["safety_copy"].as_str().unwrap());
    assert_eq!(pra.runs("restore", "undo").code, 0);
    assert_eq!(pra.messages(), ["early", "late", "wrong"]);
}

#[test]
fn a_point_chosen_in_the_config_map_is_used_once() {
    let (pra, first, second) = with_two_backups("point");
    choose(&pra, &first);
    let ended = pra.runs("restore", "one");
    assert_eq!((ended.code, &ended.answer()["point"]), (0, &json!(first)), "{}", ended.log);
    assert_eq!(pra.messages(), ["early"]);
    assert_eq!(chosen(&pra)["point"], "latest");

    let ended = pra.runs("restore", "two");
    assert_eq!((ended.code, &ended.answer()["point"]), (0, &json!(second)), "{}", ended.log);
    assert_eq!(pra.messages(), ["early", "late"]);

    // A user applies the old ConfigMap again: last month's choice.
    choose(&pra, &first);
    let ended = pra.runs("restore", "three");
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.log.contains("used"), "{}", ended.log);
    assert_eq!(pra.messages(), ["early", "late"]);
    all_is_back(&pra);
}

#[test]
fn a_bad_point_touches_nothing() {
    let (pra, ..) = with_two_backups("bad");
    let before = uids(&pra);
    for (name, point, code) in [("absent", "backup-2001-01-01-00-00.db", 3), ("zoneless", "2025-01-10T12:00:00", 2)] {
        choose(&pra, point);
        let ended = pra.runs("restore", name);
        assert_eq!(ended.code, code, "{}", ended.log);
        assert_eq!(chosen(&pra)["point"], point);
    }
    assert_eq!(pra.messages(), ["early", "late"]);
    assert_eq!(uids(&pra), before);
    all_is_back(&pra);
}

#[test]
fn a_replacement_stops_the_application_and_brings_all_back() {
    let (pra, first, _) = with_two_backups("replace");
    let before = uids(&pra);
    let job = Job::from("restore").more(&["--mode=replace", &format!("--point={first}")]);
    let ended = pra.runs_job("replace", &job);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let report = ended.answer();
    assert_eq!((&report["mode"], &report["quiesced"]["deployments"]["events"]), (&json!("replace"), &json!(2)));
    all_is_back(&pra);
    assert_eq!(pra.messages(), ["early"]);
    let after = uids(&pra);
    assert!(before.iter().all(|uid| !after.contains(uid)), "{before:?} {after:?}");
}

#[test]
fn a_restore_into_an_empty_volume_at_scale_zero_waits_for_nobody() {
    let (pra, ..) = with_two_backups("scale-zero");
    pra.loses_its_volume();
    let ended = pra.runs("restore", "restore");
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert_eq!(pra.get(&["deployment", "events"])["spec"]["replicas"], 0, "zero is how it was");
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["early", "late"]);
}

#[test]
fn of_two_restores_at_once_the_second_says_who_is_at_work_and_stops() {
    let (pra, ..) = with_two_backups("two");
    // It waits for the application's pods, which take their time to end.
    pra.starts_job("slow", &Job::from("restore").more(&["--mode=replace"]));
    pra.lease_says("slow");
    let second = pra.runs("restore", "late");
    assert_eq!(second.code, 5, "{}", second.log);
    assert!(second.log.contains("slow"), "{}", second.log);
    let first = pra.ends("slow");
    assert_eq!(first.code, 0, "{}", first.log);
    all_is_back(&pra);
    assert_eq!(pra.messages(), ["early", "late"]);
}
