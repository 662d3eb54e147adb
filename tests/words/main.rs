//! The output of the programs, compared with stored texts. After a wanted change: `SNAPSHOTS=overwrite` in the environment of
//! the test; read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod collector;
mod errors;
mod help;

use std::path::Path;
use std::process::{Command, Stdio};

use mini_pra_tests::{backup_job, bin};
use snapbox::Assert;

/// Compares with a file beside this one.
fn assert_is(said: String, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("words").join(file);
    Assert::new().action_env("SNAPSHOTS").eq(said, snapbox::Data::read_from(&path, None));
}

/// `backup-job` or `kubectl-pra`, with nothing of this process's environment that it reads.
fn program(name: &str) -> Command {
    let mut command = Command::new(if name == "backup-job" { backup_job() } else { bin(name) });
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PRA_")) {
        command.env_remove(variable);
    }
    command
        .env("PRA_LOG", "off")
        .env("NO_COLOR", "1")
        .env("KUBECONFIG", "/nonexistent")
        .env("COLUMNS", "100")
        .stdin(Stdio::null());
    command
}
