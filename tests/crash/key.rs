//! The key of the encrypted scenarios, made once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use mini_pra_tests::{Data, Job, backup_job};

use crate::place::{State, state};

/// Kept in memory: what a static holds is never dropped, and a file would stay.
struct Key {
    recipient: String,
    identity: String,
}

static KEY: LazyLock<Key> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let output = Command::new(backup_job()).args(["keygen", "-o"]).arg(&path).output().unwrap();
    let recipient = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();
    Key { recipient, identity: fs::read_to_string(path).unwrap() }
});

/// The identity in a file beside the data.
fn identity(data: &Data) -> PathBuf {
    let path = data.path().join("pra.key");
    fs::write(&path, &KEY.identity).unwrap();
    path
}

/// Lets `job` encrypt.
pub(crate) fn encrypting(job: Job) -> Job {
    job.env("PRA_RECIPIENTS", &KEY.recipient)
}

/// Lets `job` open what is encrypted, and take the template's backups, which are not.
pub(crate) fn opening(job: Job, data: &Data) -> Job {
    job.env("PRA_IDENTITY", identity(data)).env("PRA_ACCEPT_PLAINTEXT", "true")
}

/// What the encrypted restore point `name` holds, found out without touching its folder.
pub(crate) fn opened(data: &Data, name: &str) -> State {
    let scratch = Data::new();
    let restore = Job::new("restore", &scratch).env("PRA_BACKUPS", data.backups());
    let answer = opening(restore, data).args(&["--point", name, "--yes"]).run();
    match answer.code {
        Some(0) => state(&scratch.database()),
        _ => State::Damaged,
    }
}
