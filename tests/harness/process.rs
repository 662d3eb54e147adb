//! A process under test: its output in a file, killed when dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::wait_for;

/// How many lines of a log are printed where a test fails.
const SHOWN: usize = 200;

/// A running process. Its stdout and stderr go to one file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `log`, or where that is there already, beside it under a name of its own.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    #[track_caller]
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log = unused(log);
        let file = File::options().create_new(true).append(true).open(&log).expect("failed to make a log");
        let errors = file.try_clone().expect("failed to share a log");
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let child = child.unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
        Self { child, log }
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until it has printed a line that begins with `start`, and returns the rest of that line.
    ///
    /// # Panics
    /// Where it ends before, or takes longer than [`crate::DEADLINE`].
    #[track_caller]
    pub fn line(&mut self, start: &str) -> String {
        wait_for(start, || {
            // Asked before the log is read: what it printed last is then seen.
            let ended = self.ended();
            let found = complete_lines(&self.output()).find_map(|line| line.strip_prefix(start).map(str::to_owned));
            assert!(found.is_some() || ended.is_none(), "it ended ({}):\n{}", ended.unwrap(), self.output());
            found
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// Where the system cannot tell.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("failed to look at a process")
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the end of a process", || self.ended())
    }

    /// Sends a signal, if it still runs.
    ///
    /// # Panics
    /// Where it cannot be signalled.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = i32::try_from(self.pid()).expect("a process id is out of range");
            kill(Pid::from_raw(pid), signal).expect("failed to signal a process");
        }
    }

    /// Asks it to end (SIGTERM) and waits.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Kills it (SIGKILL) and waits.
    #[track_caller]
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::SIGKILL);
        self.wait()
    }
}

/// `path`, or with `-2`, `-3` … behind it the first that does not exist: a process must not be taken for an earlier one.
fn unused(path: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    };
    let names = std::iter::once(path.to_path_buf()).chain((2..).map(numbered));
    names.into_iter().find(|name| !name.exists()).expect("there is always another number")
}

/// The lines that are printed to their end.
fn complete_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

/// The end of a log: a writer's has a line for each event.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let skipped = lines.len().saturating_sub(SHOWN);
    let note = if skipped > 0 { format!("({skipped} lines before)\n") } else { String::new() };
    note + &lines[skipped..].concat()
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already, and a panic here would hide the test's own.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let name = self.log.file_name().unwrap_or_default().display();
            eprintln!("--- {name}\n{}---", last_lines(&self.output()));
        }
    }
}
