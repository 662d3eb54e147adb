//! A volume that fills.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mini_pra_tests::Data;

use crate::alarms::Alarms;
use crate::scene::Scene;

/// A small volume of its own, in place of the folder; the replicator leaves 64 MiB of it to the database.
struct Volume(PathBuf);

impl Volume {
    /// Only root may mount it.
    #[track_caller]
    fn at(folder: &Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=128m", "none"]).arg(folder);
        let output = mount.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "this test needs a user who may mount (root): {}", errors.trim());
        Self(folder.to_owned())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: whoever still has something open there is ended a moment later.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

fn alarm_while_full(folder: impl Fn(&Data) -> PathBuf, alarm: &str) {
    let data = Data::new();
    let folder = folder(&data);
    let volume = Volume::at(&folder);
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
