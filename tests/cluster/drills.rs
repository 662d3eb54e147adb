//! Each drill, and that what it promises is kept.
//!
//! Times are reported and not asserted: another machine is slower. What is asserted is what was lost and refused.

use mini_pra_tests::{wait_for, wait_until};
use serde_json::Value;

use crate::installation::Installation;
use crate::job::Job;
use crate::restore::all_is_back;
use crate::{processes, state};

/// Runs a drill as a user does, and returns its report.
#[track_caller]
pub(crate) fn drill(pra: &Installation, arguments: &[&str]) -> Value {
    let said = pra.pra(&[&["drill"], arguments, &["--yes", "-o", "json"]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    told(pra, said.json())
}

/// Prints what was measured, and of a drill that was slower than promised also what happened in its namespace.
pub(crate) fn told(pra: &Installation, report: Value) -> Value {
    let seconds = |name: &str| report[name].as_f64().map_or("-".to_owned(), |seconds| format!("{seconds:.2} s"));
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    eprintln!(
        "{} {} with {} pods: RTO {}, from the recovery's command {}, RPO {}, longest gap {}, {} acknowledged, {} lost, {} refused",
        report["drill"].as_str().unwrap_or("?"),
        report["how"].as_str().unwrap_or("?"),
        report["replicas"],
        seconds("rto_seconds"),
        seconds("recovery_seconds"),
        seconds("rpo_seconds"),
        seconds("longest_gap_seconds"),
        count("acknowledged"),
        count("lost"),
        count("refused"),
    );
    let phases = report["phases"].as_array().into_iter().flatten();
    let phase = |one: &Value| Some(format!("{} {:.2} s", one["name"].as_str()?, one["seconds"].as_f64()?));
    eprintln!("  {}", phases.filter_map(phase).collect::<Vec<_>>().join(", "));
    let promises = report["verdict"]["promises"].as_array().into_iter().flatten();
    for slow in promises.filter(|promise| promise["timing"] == true && promise["kept"] == false) {
        eprintln!("SLOWER THAN PROMISED: {slow}");
        state::events(pra.namespace());
    }
    report
}

#[track_caller]
pub(crate) fn kept(report: &Value) {
    assert_eq!(report["verdict"]["held"], true, "{}", report["verdict"]);
    assert_eq!(report["doubled"], 0);
    assert!(report["acknowledged"].as_u64().is_some_and(|count| count > 50), "{}", report["acknowledged"]);
}

#[track_caller]
pub(crate) fn nothing_refused_nothing_lost(report: &Value) {
    assert_eq!(
        (&report["refused"], &report["lost"]),
        (&Value::from(0), &Value::from(0)),
        "{}",
        report["refused_by_kind"]
    );
}

#[test]
fn with_two_pods_a_deleted_one_costs_no_request_and_no_event() {
    let pra = Installation::alone("pod");
    let report = drill(&pra, &["pod-crash"]);
    kept(&report);
    nothing_refused_nothing_lost(&report);
    all_is_back(&pra);
}

#[track_caller]
fn with_one_pod(name: &str) -> Installation {
    let pra = Installation::alone(name);
    pra.kubectl(&["scale", "deployment/events", "--replicas=1"]);
    wait_until("one pod", || pra.pods().len() == 1);
    pra
}

#[test]
fn with_one_pod_a_deleted_one_costs_no_event() {
    let pra = with_one_pod("one");
    let report = drill(&pra, &["pod-crash"]);
    kept(&report);
    assert_eq!(report["lost"], 0);
}

/// From the machine: nothing inside a pod can kill its first process. It fails where the nodes are other machines.
#[test]
fn with_one_pod_a_killed_one_costs_no_event() {
    let pra = with_one_pod("sigkill");
    pra.starts_job("by-hand", &Job::from("drill").more(&["--how", "by-hand"]));
    pra.log_says(&["job/by-hand"], "kill this container now");
    let uid = pra.pods()[0]["metadata"]["uid"].as_str().unwrap().to_owned();
    assert!(processes::kill_all_of(&uid), "no process of the pod is seen here: run this on the machine of its node");
    let ended = pra.ends("by-hand");
    assert_eq!(ended.code, 0, "{}", ended.log);
    let report = told(&pra, ended.answer());
    kept(&report);
    assert_eq!(report["lost"], 0);
}

#[test]
fn a_rolling_update_costs_no_request_and_no_event() {
    let pra = Installation::alone("update");
    pra.starts_job("by-hand", &Job::from("drill").more(&["--how", "by-hand"]));
    pra.log_says(&["job/by-hand"], "kill this container now");
    pra.kubectl(&["rollout", "restart", "deployment/events"]);
    let ended = pra.ends("by-hand");
    assert_eq!(ended.code, 0, "{}", ended.log);
    let report = told(&pra, ended.answer());
    kept(&report);
    nothing_refused_nothing_lost(&report);
    all_is_back(&pra);
}

#[test]
fn a_lost_volume_costs_what_came_after_the_last_backup_and_nothing_else() {
    let pra = Installation::alone("volume");
    for by in ["restore", "init"] {
        let report = drill(&pra, &["volume-loss", "--by", by]);
        kept(&report);
        let lost = report["lost_events"].as_array().unwrap();
        assert!(!lost.is_empty(), "it writes for seconds after the backup: something must be lost");
        let instant = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let point = instant(&report["restore_point"]["created_at"]);
        for event in lost {
            // Its instant is of its request, and it is there from its commit on: for that it waits 5 s at most.
            let committed = instant(&event["timestamp"]) + std::time::Duration::from_secs(5);
            assert!(committed >= point, "{event} is older than the backup of {point}");
        }
        all_is_back(&pra);
    }
}

#[test]
fn wrong_data_is_taken_back_and_no_request_is_refused() {
    let pra = Installation::alone("wrong");
    let report = drill(&pra, &["bad-write"]);
    kept(&report);
    nothing_refused_nothing_lost(&report);
    all_is_back(&pra);
}

#[test]
fn a_drill_has_the_applications_token_from_its_secret_and_is_refused_with_another() {
    let pra = Installation::alone("token");
    pra.kubectl(&["create", "secret", "generic", "events-api-token", "--from-literal=token=right"]);
    pra.kubectl(&["rollout", "restart", "deployment/events"]);
    pra.is_ready();
    wait_until("the pods of before to go", || pra.try_asks("/add?message=anonymous").code != Some(0));
    let report = drill(&pra, &["pod-crash"]);
    kept(&report);
    nothing_refused_nothing_lost(&report);

    let ended = pra.runs_job("wrong", &Job::from("drill").more(&["--api-token-file=/proc/sys/kernel/hostname"]));
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.log.contains("--api-token-file"), "{}", ended.log);
}

#[test]
fn no_drill_begins_where_the_namespace_does_not_allow_it() {
    let pra = Installation::new("forbidden");
    pra.kubectl(&["annotate", "namespace", pra.namespace(), "mini-pra/allow-drills-"]);
    let before = wait_for("the pods", || Some(pra.pods()).filter(|pods| pods.len() == 2));
    let said = pra.pra(&["drill", "volume-loss", "--yes"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("mini-pra/allow-drills"), "{}", said.stderr);
    assert_eq!(pra.pods().len(), before.len());
    assert_eq!(pra.get(&["pvc", "pra-data"])["metadata"].get("deletionTimestamp"), None);
}
