//! A restore that does not come to its end.

use mini_pra_tests::Job;

use crate::alarms::Alarms;
use crate::scene::Scene;

#[test]
fn a_restore_that_was_killed_is_an_alarm_until_it_is_run_again() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    let trace = scene.data.path().join("trace");
    let restore = || Job::with_crash_points("restore", &scene.data).args(&["--yes", "--point", "latest"]);
    restore().env("PRA_CRASH_TRACE", &trace).succeeds();
    scene.backup();
    prometheus.wait_for(&[]);
    // In the middle of what the same restore has just done.
    let operations = std::fs::read_to_string(&trace).unwrap().lines().count();
    let killed = restore().env("PRA_CRASH_AT", (operations / 2).to_string()).run();
    assert_ne!(killed.code, Some(0), "{}", killed.stdout);
    prometheus.wait_for(&["PraRestoreRunningTooLong"]);
    Job::new("restore", &scene.data).args(&["--yes", "--point", "latest"]).succeeds();
    prometheus.wait_for(&[]);
}
