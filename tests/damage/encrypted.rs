//! Encrypted backups: damage is found with the identity and without it, and is never restored.

use std::fs;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Job, JobAnswer, backup_job};
use serde_json::Value;

use crate::museum::{add, application, cut, flip_bit, of, rounds};

/// A data folder with two encrypted backups, and the keys beside it.
struct Safe {
    data: Data,
    recipient: String,
    older: String,
    newer: String,
}

fn keygen(path: &Path) -> String {
    let output = std::process::Command::new(backup_job()).args(["keygen", "-o"]).arg(path).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Safe {
    fn new() -> Self {
        let data = Data::new();
        let recipient = keygen(&data.path().join("pra.key"));
        keygen(&data.path().join("stranger.key"));
        let database = application(&data);
        let names = ["a", "b"].map(|round| {
            add(&database, round, 10);
            let report = Job::new("backup", &data).args(&["--no-prune", "--recipient", &recipient]).succeeds();
            assert_eq!(report["encrypted"], true);
            report["file"].as_str().unwrap().to_owned()
        });
        add(&database, "c", 3);
        let [older, newer] = names;
        Self { data, recipient, older, newer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.backups().join(name)
    }

    fn with(&self, key: &str, job: Job) -> Job {
        job.env("PRA_IDENTITY", self.data.path().join(key))
    }

    fn restore(&self, key: Option<&str>, point: &str) -> JobAnswer {
        let job = Job::new("restore", &self.data).args(&["--yes", "--point", point]);
        match key {
            Some(key) => self.with(key, job).run(),
            None => job.run(),
        }
    }

    fn live(&self) -> Vec<(String, usize)> {
        rounds(&self.data.open())
    }

    /// The row of the newer backup.
    fn verified(&self, answer: &JobAnswer) -> Value {
        let json = answer.json();
        json.as_array().unwrap().iter().find(|row| row["point"] == *self.newer).unwrap().clone()
    }

    /// The newer backup is found to be damaged, and the older one is what is left.
    #[track_caller]
    fn is_found(&self) {
        let live = self.live();
        for job in [Job::new("verify", &self.data), self.with("pra.key", Job::new("verify", &self.data))] {
            let row = self.verified(&job.fails_with(4));
            assert!(row["error"].is_string() && row["verified"] == false, "{row}");
        }
        let refused = self.restore(Some("pra.key"), &self.newer);
        assert_eq!(refused.code, Some(4), "{}{}", refused.stdout, refused.stderr);
        assert_eq!(self.live(), live, "nothing was touched");
        let restored = self.restore(Some("pra.key"), "latest");
        assert_eq!(restored.json()["point"], *self.older, "{}{}", restored.stdout, restored.stderr);
        assert_eq!(self.live(), of(&[("a", 10)]));
    }
}

#[test]
fn an_encrypted_backup_cut_off_anywhere_is_found() {
    for keep in [0, 50, 300, 70_000] {
        let safe = Safe::new();
        let path = safe.path(&safe.newer);
        cut(&path, keep.min(path.metadata().unwrap().len() - 1));
        safe.is_found();
    }
}

#[test]
fn a_flipped_bit_in_its_header_its_content_and_its_end_is_found() {
    for offset in [3, 70, 150, 20_000, u64::MAX] {
        let safe = Safe::new();
        let path = safe.path(&safe.newer);
        flip_bit(&path, offset.min(path.metadata().unwrap().len() - 1));
        safe.is_found();
    }
}

#[test]
fn an_older_encrypted_backup_under_the_name_of_a_newer_one_is_found() {
    let safe = Safe::new();
    fs::copy(safe.path(&safe.older), safe.path(&safe.newer)).unwrap();
    safe.is_found();
}

/// The same state encrypted once more: to the byte another file, and to its reader the same.
#[test]
fn a_backup_that_somebody_has_encrypted_himself_is_found_though_it_opens() {
    let safe = Safe::new();
    let forger = Data::new();
    add(&application(&forger), "forged", 20);
    let report = Job::new("backup", &forger).args(&["--recipient", &safe.recipient]).succeeds();
    fs::copy(forger.backups().join(report["file"].as_str().unwrap()), safe.path(&safe.newer)).unwrap();
    safe.is_found();
}

#[test]
fn a_plain_backup_is_refused_where_an_identity_is_given_until_it_is_accepted() {
    let safe = Safe::new();
    let report = Job::new("backup", &safe.data).arg("--no-prune").succeeds();
    let plain = report["file"].as_str().unwrap();
    assert!(plain.ends_with(".db") && report["encrypted"] == false, "{report}");
    let refused = safe.restore(Some("pra.key"), plain);
    assert_eq!(refused.code, Some(4), "{}{}", refused.stdout, refused.stderr);
    assert!(refused.stdout.contains("--accept-plaintext"), "{}", refused.stdout);
    let accepted = Job::new("restore", &safe.data).args(&["--yes", "--point", plain, "--accept-plaintext"]);
    safe.with("pra.key", accepted).succeeds();
}

#[test]
fn no_identity_and_another_ones_are_each_told_and_change_nothing() {
    let safe = Safe::new();
    let live = safe.live();
    for (key, words) in [
        (None, "is encrypted"),
        (Some("stranger.key"), "none of the identities decrypts"),
        (Some("none"), "failed to read"),
    ] {
        let refused = safe.restore(key, "latest");
        assert_eq!(refused.code, Some(2), "{}{}", refused.stdout, refused.stderr);
        assert!(refused.message().contains(words), "{}", refused.message());
        assert!(!refused.stdout.contains("AGE-SECRET-KEY") && !refused.stderr.contains("AGE-SECRET-KEY"));
    }
    let unopened = Job::new("verify", &safe.data).run();
    assert_eq!(unopened.code, Some(0), "{}{}", unopened.stdout, unopened.stderr);
    let row = safe.verified(&unopened);
    assert!(row["verified"] == false && row["error"].is_null() && row["unopened"].is_string(), "{row}");
    let row = safe.verified(&safe.with("stranger.key", Job::new("verify", &safe.data)).fails_with(2));
    assert!(row["verified"] == false && row["error"].is_null(), "{row}");
    assert_eq!(safe.live(), live);
}

#[test]
fn the_list_says_what_is_encrypted() {
    let safe = Safe::new();
    let listed = Job::new("list", &safe.data).succeeds();
    assert!(
        listed.as_array().unwrap().iter().all(|row| row["encrypted"] == true && row["verified"] == true),
        "{listed}"
    );
}

#[test]
fn an_empty_volume_waits_for_the_identity_and_is_restored_with_it() {
    let safe = Safe::new();
    for suffix in ["", "-wal", "-shm"] {
        let path = crate::museum::beside(&safe.data.database(), suffix);
        fs::remove_file(path).ok();
    }
    let waits = Job::new("init", &safe.data).fails_with(2);
    assert!(waits.message().contains("is encrypted") && waits.stdout.contains("--identity"), "{}", waits.stdout);
    assert!(!safe.data.database().exists(), "never an empty application");
    let report = safe.with("pra.key", Job::new("init", &safe.data)).succeeds();
    assert_eq!(report["point"], *safe.newer);
    assert_eq!(safe.live(), of(&[("a", 10), ("b", 10)]));
}
