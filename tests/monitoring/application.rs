//! The application: stopped, and without its database.

use std::fs;

use mini_pra_tests::Job;

use crate::alarms::Alarms;
use crate::scene::Scene;

#[test]
fn an_application_that_is_killed_is_missed_until_it_is_back() {
    let mut scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    scene.kill_application();
    prometheus.wait_for(&["PraApplicationAbsent"]);
    scene.serve();
    prometheus.wait_for(&[]);
}

#[test]
fn a_database_that_is_lost_is_an_alarm_until_it_is_restored() {
    let scene = Scene::well();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        fs::remove_file(scene.data.database().with_file_name(name)).unwrap();
    }
    // The replicator cannot follow a missing database: the replica says so too.
    prometheus.wait_for(&["PraApplicationNotReady", "PraReplicaBehind", "PraReplicaDown"]);
    assert!(prometheus.query("pra_events").is_empty(), "what is not known is absent");
    Job::new("init", &scene.data).args(&["--replica", &scene.store_url()]).succeeds();
    prometheus.wait_for(&[]);
}
