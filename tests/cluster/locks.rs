//! Who may do what at once, between the pods of a node.

use serde_json::Value;

use crate::installation::Installation;
use crate::job::Job;
use crate::restore::all_is_back;

#[test]
fn a_pod_that_starts_in_the_middle_of_a_restore_waits_and_comes_up_with_what_was_restored() {
    let pra = Installation::new("middle");
    pra.ends_pods_at_once();
    pra.adds(&["kept"]);
    pra.backs_up("backup");
    pra.adds(&["wrong"]);
    // A replacement has the database's lock, and waits for that of the backups to keep the state before.
    pra.starts_job("holder", &Job::sabotage(&["hold", "/backup/.pra.lock", ""]));
    pra.log_says(&["job/holder"], "holding");
    pra.starts_job("restore", &Job::from("restore").more(&["--mode=replace", "--wait=5m"]));
    pra.log_says(&["job/restore"], "/backup/.pra.lock");

    pra.kubectl(&["scale", "deployment/events", "--replicas=1"]);
    pra.log_says(&["deployment/events", "--container=init"], "/data/.app.db.pra/lock");
    assert_ne!(pra.try_asks("/count").code, Some(0), "the application answers in the middle of a restore");

    pra.kubectl(&["delete", "pod", "--selector=batch.kubernetes.io/job-name=holder", "--grace-period=1"]);
    let restored = pra.ends("restore");
    assert_eq!(restored.code, 0, "{}", restored.log);
    pra.is_ready();
    pra.answers();
    assert_eq!(pra.messages(), ["kept"]);
    let init = pra.kubectl(&["logs", "deployment/events", "--container=init"]);
    assert!(init.contains("kept /data/app.db"), "{init}");
    assert_eq!(pra.get(&["deployment", "events"])["spec"]["replicas"], 1, "what another client scaled is left alone");
}

#[test]
fn a_lock_that_another_kernel_holds_is_refused_and_one_that_it_left_is_taken() {
    let pra = Installation::new("kernel");
    pra.adds(&["kept"]);
    pra.stops();
    pra.starts_job("holder", &Job::sabotage(&["hold", "/data/.app.db.pra/lock", "another-boot"]));
    pra.log_says(&["job/holder"], "holding");
    pra.kubectl(&["scale", "deployment/events", "--replicas=1"]);
    let refused = pra.init_fails();
    assert_eq!(refused.code, 2, "{}", refused.log);
    assert!(refused.log.contains("held on another machine (boot id another-boot)"), "{}", refused.log);

    // Its signature stays in the file.
    pra.stops();
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["kept"]);
}

#[test]
fn a_database_that_a_stranger_has_open_is_not_replaced_and_all_is_brought_back() {
    let pra = Installation::new("stranger");
    pra.ends_pods_at_once();
    pra.adds(&["one"]);
    pra.backs_up("backup");
    pra.adds(&["two"]);
    pra.starts_job("reader", &Job::sabotage(&["read", "/data/app.db"]));
    pra.log_says(&["job/reader"], "holding");
    let refused = pra.runs_job("restore", &Job::from("restore").more(&["--mode=replace", "--wait=2s"]));
    assert_eq!(refused.code, 5, "{}", refused.log);
    all_is_back(&pra);
    assert_eq!(pra.messages(), ["one", "two"]);
}

#[test]
fn memory_is_a_file_system_on_which_locks_hold() {
    let pra = Installation::new("tmpfs");
    let init = Job::from("sqlite-backup").args(&["init", "--schema", "events", "--output", "json"]).in_memory();
    let ended = pra.runs_job("init", &init);
    assert_eq!((ended.code, &ended.answer()["outcome"]), (0, &Value::from("created")), "{}", ended.log);
}
