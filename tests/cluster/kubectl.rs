//! `kubectl` as a user has it.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs a program with something on its stdin, to its end.
#[track_caller]
pub(crate) fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], stdin: &str) -> Said {
    let program = program.as_ref();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("failed to start {}: {error}", program.display()));
    // Who does not read it all has ended, and says so below.
    drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// `kubectl ARGUMENTS`, whatever comes of it.
#[track_caller]
pub(crate) fn kubectl(arguments: &[&str]) -> Said {
    run("kubectl", arguments, "")
}

/// `kubectl ARGUMENTS`, which must succeed; its stdout.
#[track_caller]
pub(crate) fn succeeds(arguments: &[&str]) -> String {
    let said = kubectl(arguments);
    assert_eq!(said.code, Some(0), "kubectl {}:\n{}{}", arguments.join(" "), said.stdout, said.stderr);
    said.stdout
}
