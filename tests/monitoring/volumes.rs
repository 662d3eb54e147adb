//! A volume that fills.

use std::fs;
use std::path::PathBuf;

use mini_pra_tests::{Data, small};

use crate::alarms::Alarms;
use crate::scene::Scene;

fn alarm_while_full(folder: impl Fn(&Data) -> PathBuf, alarm: &str) {
    let data = Data::new();
    let folder = folder(&data);
    // The replicator leaves 64 MiB of it to the database.
    let volume = small(&folder, 128 << 10);
    let mut scene = Scene::of(data);
    // Declared after what lies in it, so that it goes first.
    let _volume = volume;
    scene.make_well();
    let prometheus = scene.watched(&Alarms::quick_only(alarm));
    prometheus.wait_for(&[]);
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![1; 118 << 20]).unwrap();
    prometheus.wait_for(&[alarm]);
    fs::remove_file(ballast).unwrap();
    prometheus.wait_for(&[]);
}

#[test]
fn a_data_volume_that_fills_is_an_alarm_until_there_is_room() {
    alarm_while_full(|data| data.path().join("data"), "PraDataVolumeNearlyFull");
}

#[test]
fn a_backup_volume_that_fills_is_an_alarm_until_there_is_room() {
    alarm_while_full(Data::backups, "PraBackupVolumeNearlyFull");
}
