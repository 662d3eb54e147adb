//! A restore that is killed at each of its steps.
//!
//! By a `backup-job` that ends itself just after the step that `PRA_CRASH_AT_STEP` names: no other way is sure to hit
//! each.

use crate::installation::Installation;
use crate::job::{Job, WITH_CRASH_POINTS};
use crate::restore::all_is_back;

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
