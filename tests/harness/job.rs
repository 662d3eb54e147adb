//! One run of `backup-job`.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::data::Data;
use crate::process::Process;
use crate::programs;

/// A run of `backup-job` that is being put together.
#[derive(Debug)]
pub struct Job {
    command: Command,
    verb: String,
}

/// What a run of `backup-job` answered.
#[derive(Debug)]
pub struct JobAnswer {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// stdout.
    pub stdout: String,
    /// stderr.
    pub stderr: String,
}

impl Job {
    /// `backup-job VERB` on the database and the backups of `data`, answering in JSON, asking nothing. `init` makes the
    /// event application's schema.
    #[must_use]
    pub fn new(verb: &str, data: &Data) -> Self {
        Self::of(&programs::backup_job(), verb, data)
    }

    /// The same with the program whose file operations can kill it or fail.
    #[must_use]
    pub fn with_crash_points(verb: &str, data: &Data) -> Self {
        Self::of(&programs::backup_job_with_crash_points(), verb, data)
    }

    fn of(program: &Path, verb: &str, data: &Data) -> Self {
        let mut command = Command::new(program);
        // By their variables, which every verb takes, also one that has no use for the database.
        command.arg(verb).env("PRA_DATABASE", data.database()).env("PRA_BACKUPS", data.backups());
        command.args(["-o", "json"]).stdin(Stdio::null());
        if verb == "init" {
            command.args(["--schema", "events"]);
        }
        Self { command, verb: verb.to_owned() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it as another user, of a group of the same number: the caller sees to it that `program` can be reached.
    #[must_use]
    pub fn as_user(mut self, id: u32, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(self.command.get_args()).stdin(Stdio::null()).uid(id).gid(id);
        for (name, value) in self.command.get_envs() {
            value.map(|value| command.env(name, value));
        }
        self.command = command;
        self
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    #[track_caller]
    pub fn run(mut self) -> JobAnswer {
        let Output { status, stdout, stderr } = self.command.output().expect("failed to start backup-job");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        JobAnswer { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs it, which must succeed, and returns its JSON.
    #[track_caller]
    pub fn succeeds(self) -> Value {
        let verb = self.verb.clone();
        let answer = self.run();
        assert_eq!(answer.code, Some(0), "{verb} failed:\n{}{}", answer.stdout, answer.stderr);
        answer.json()
    }

    /// Runs it, which must end with the exit code `code`, and returns what it says about that.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> JobAnswer {
        let verb = self.verb.clone();
        let answer = self.run();
        assert_eq!(answer.code, Some(code), "{verb}:\n{}{}", answer.stdout, answer.stderr);
        answer
    }

    /// Starts it, to be watched while it works; its output goes to the log of its verb.
    #[must_use]
    #[track_caller]
    pub fn start(mut self, data: &Data) -> Process {
        Process::start(&mut self.command, &data.log(&self.verb))
    }
}

impl JobAnswer {
    /// stdout as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// The message of the error in the JSON on stdout.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    #[track_caller]
    pub fn message(&self) -> String {
        let json = self.json();
        json["error"]["message"].as_str().unwrap_or_else(|| panic!("no error in {json}")).to_owned()
    }
}
