//! Replicas: a store that is cut off, a replicator that is killed.

use std::fs;

use crate::alarms::Alarms;
use crate::scene::Scene;

/// With thresholds of seconds instead of half a minute and a minute.
fn alarms() -> Alarms {
    Alarms::quick().scaled("PraReplicaBehind", "60", "15").scaled("PraReplicatorSilent", "30", "4").scaled(
        "PraReplicaDown",
        "30",
        "4",
    )
}

#[test]
fn a_store_that_is_cut_off_is_an_alarm_until_it_is_back_and_caught_up() {
    let scene = Scene::well();
    let prometheus = scene.watched(&alarms());
    prometheus.wait_for(&[]);
    let away = scene.data.path().join("away");
    fs::rename(scene.disk(), &away).unwrap();
    scene.data.open().add(["while it is away"]);
    prometheus.wait_for(&["PraReplicaBehind", "PraReplicaDown"]);
    fs::rename(&away, scene.disk()).unwrap();
    prometheus.wait_for(&[]);
}

#[test]
fn a_replicator_that_is_killed_is_noticed_by_its_silence_until_it_is_back() {
    let mut scene = Scene::well();
    let prometheus = scene.watched(&alarms());
    prometheus.wait_for(&[]);
    scene.kill_replicator();
    prometheus.wait_for(&["PraReplicatorAbsent", "PraReplicatorSilent"]);
    scene.replicate();
    prometheus.wait_for(&[]);
}
