//! A restore that is killed at each of its steps.
//!
//! By a `backup-job` that ends itself just after the step that `PRA_CRASH_AT_STEP` names: no other way is sure to hit
//! each.

use std::time::Duration;

use serde_json::json;

use crate::installation::Installation;
use crate::job::{Job, WITH_CRASH_POINTS};
use crate::replica::newest;
use crate::restore::{all_is_back, choose};
use crate::s3::Replicated;

/// The steps of a restore by replacement, in order: `cluster/quiesce/machine.rs`.
const STEPS: [&str; 15] = [
    "choose",
    "write-chosen",
    "note-point",
    "look",
    "write-quiescing",
    "suspend",
    "scale-down",
    "await-gone",
    "write-quiesced",
    "replace",
    "write-restored",
    "scale-up",
    "resume",
    "await-ready",
    "clear",
];

fn dies_after(step: &str) -> Job {
    Job::from("restore").image(WITH_CRASH_POINTS).more(&["--mode=replace"]).env("PRA_CRASH_AT_STEP", step)
}

#[test]
fn a_restore_killed_after_any_step_is_finished_by_another_job() {
    let pra = Installation::new("killed");
    pra.ends_pods_at_once();
    for step in STEPS {
        pra.adds(&[step]);
        let expected = pra.messages();
        pra.backs_up(&format!("backup-{step}"));
        pra.adds(&["wrong"]);
        let killed = pra.runs_job(&format!("killed-{step}"), &dies_after(step).once());
        assert_eq!(killed.code, 137, "{step}: {}", killed.log);
        let next = pra.runs("restore", &format!("next-{step}"));
        assert_eq!(next.code, 0, "{step}: {}", next.log);
        all_is_back(&pra);
        assert_eq!(pra.messages(), expected, "{step}");
    }
}

#[test]
fn a_restore_killed_on_the_way_is_finished_by_its_own_jobs_next_pod() {
    let pra = Installation::new("again");
    pra.ends_pods_at_once();
    pra.adds(&["kept"]);
    for step in ["write-quiescing", "await-gone", "replace", "write-restored"] {
        pra.backs_up(&format!("backup-{step}"));
        pra.adds(&["wrong"]);
        let ended = pra.runs_job(&format!("killed-{step}"), &dies_after(step));
        assert_eq!(ended.code, 0, "{step}: {}", ended.log);
        all_is_back(&pra);
        assert_eq!(pra.messages(), ["kept"], "{step}");
    }
}

#[test]
fn a_restore_to_an_instant_is_finished_by_its_next_pod_whatever_step_it_was_killed_after() {
    let replicated = Replicated::new("killed-instant");
    let pra = &replicated.pra;
    pra.ends_pods_at_once();
    replicated.gives_the_identity();
    pra.adds(&["early"]);
    replicated.reaches(newest(&replicated));
    pra.adds(&["late"]);
    let late = newest(&replicated);
    replicated.reaches(late);
    let steps = [
        ("in-place", "note-point"),
        ("in-place", "restore-in-place"),
        ("replace", "note-point"),
        ("replace", "write-quiesced"),
        ("replace", "replace"),
        ("replace", "write-restored"),
    ];
    // A point that was used is refused: each time another one, at which the same was there.
    for (number, (mode, step)) in (1..).zip(steps) {
        let name = format!("{mode}-{step}");
        // What came later is there again, or nothing would be seen.
        pra.adds(&["wrong"]);
        choose(pra, &(late - Duration::from_millis(number)).to_string());
        let arguments = format!("--mode={mode}");
        let job = Job::from("restore").image(WITH_CRASH_POINTS).more(&[&arguments]).env("PRA_CRASH_AT_STEP", step);
        let ended = pra.runs_job(&name, &job);
        assert_eq!(ended.code, 0, "{name}: {}", ended.log);
        assert_eq!(pra.get(&["job", &name])["status"]["failed"], 1, "{name}: it was not killed");
        let report = ended.answer();
        assert_eq!((&report["source"], &report["mode"]), (&json!("replica"), &json!(mode)), "{name}");
        all_is_back(pra);
        assert_eq!(pra.messages(), ["early"], "{name}");
    }
}
