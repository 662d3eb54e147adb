//! Long-running children: started in a process group and on a leash, ended politely, then by force.
//!
//! A group of their own keeps the terminal's Ctrl-C away from them: xtask alone gets it and ends them in order.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::leash;

/// How often a child is looked at while waiting for its end.
const LOOK: Duration = Duration::from_millis(20);

/// A running child. Dropping it kills it; [`Service::stop`] asks first.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    child: Child,
}

impl Service {
    /// Starts `program`; `configure` adds its arguments and streams.
    pub(crate) fn start(name: &'static str, program: &Path, configure: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = leash::command(program)?;
        configure(&mut command);
        let child = command.process_group(0).spawn().with_context(|| format!("failed to start {name}"))?;
        Ok(Self { name, child })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the child ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("failed to look at {}", self.name))
    }

    /// Asks the child to end and waits for it, at most `patience`; then kills it. Returns whether it went by itself.
    pub(crate) fn stop(&mut self, patience: Duration) -> Result<bool> {
        if self.ended()?.is_some() {
            return Ok(true);
        }
        self.signal(Signal::SIGTERM)?;
        let deadline = Instant::now() + patience;
        while self.ended()?.is_none() {
            if Instant::now() >= deadline {
                self.signal(Signal::SIGKILL)?;
                self.child.wait().with_context(|| format!("failed to wait for {}", self.name))?;
                return Ok(false);
            }
            std::thread::sleep(LOOK);
        }
        Ok(true)
    }

    /// Signals the child's whole group: `spin up` has a child of its own. The child has not been waited for,
    /// so the id cannot be another process's.
    fn signal(&self, signal: Signal) -> Result<()> {
        let group = Pid::from_raw(i32::try_from(self.child.id()).context("a process id out of range")?);
        match killpg(group, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("failed to signal {}", self.name)),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A failure here cannot be reported any more.
        let running = matches!(self.child.try_wait(), Ok(None));
        if running && self.signal(Signal::SIGKILL).is_ok() {
            drop(self.child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    use super::*;

    fn service(script: &str) -> Service {
        let mut shell = Command::new("sh");
        let child = shell.args(["-c", script]).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        Service { name: "script", child }
    }

    #[test]
    fn a_child_that_listens_goes_by_itself() {
        assert!(service("exec sleep 60").stop(Duration::from_secs(10)).unwrap());
    }

    #[test]
    fn a_deaf_child_is_killed() {
        let mut deaf = service("trap '' TERM; echo deaf; sleep 60; sleep 60");
        let mut line = String::new();
        BufReader::new(deaf.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "deaf\n");
        assert!(!deaf.stop(Duration::from_millis(100)).unwrap());
        assert_eq!(deaf.ended().unwrap().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_child_that_is_gone_needs_no_stopping() {
        let mut short = service("exit 3");
        short.child().wait().unwrap();
        assert!(short.stop(Duration::ZERO).unwrap());
        assert_eq!(short.ended().unwrap().unwrap().code(), Some(3));
    }
}
