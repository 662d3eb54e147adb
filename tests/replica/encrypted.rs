//! Encrypted backups are ordinary age files: with the identity, `age` alone decrypts them.

use std::fs;
use std::process::Command;

use mini_pra_tests::{Data, Job, backup_job, named, sqlite3};

#[test]
fn age_opens_an_encrypted_backup_for_each_of_its_recipients_and_sqlite3_reads_it() {
    let data = Data::new();
    let keys = ["one", "other"].map(|name| data.path().join(name));
    let recipients = keys.each_ref().map(|key| {
        let output = Command::new(backup_job()).args(["keygen", "-o"]).arg(key).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    });
    Job::new("init", &data).succeeds();
    // Longer than one of age's pieces.
    let long = "x".repeat(200_000);
    data.open().add(["first", &long]);
    let report = Job::new("backup", &data).env("PRA_RECIPIENTS", recipients.join(",")).succeeds();
    let encrypted = data.backups().join(report["file"].as_str().unwrap());
    for key in &keys {
        let opened = data.path().join("opened.db");
        let mut age = Command::new(named("PRA_AGE"));
        assert!(age.args(["-d", "-i"]).arg(key).arg("-o").arg(&opened).arg(&encrypted).status().unwrap().success());
        assert_eq!(sqlite3(&opened, "PRAGMA integrity_check"), "ok");
        assert_eq!(sqlite3(&opened, "SELECT message FROM events WHERE id = 1"), "first");
        assert_eq!(sqlite3(&opened, "SELECT message FROM events WHERE id = 2"), long);
        fs::remove_file(opened).unwrap();
    }
}
