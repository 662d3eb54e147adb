//! The machine on which the figures were measured.

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

/// The machine of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    pub(crate) memory_mib: u64,
    kernel: String,
    /// The kind of file system that the databases lie on.
    file_system: String,
    /// Runnable processes of the last minute, before the run: above 0.5 the machine was not idle.
    load_before: f64,
    commit: String,
}

impl Machine {
    /// Looks at this machine and at the file system of `scratch`.
    pub(crate) fn inspect(scratch: &Path) -> Result<Self> {
        let memory = std::fs::read_to_string("/proc/meminfo").context("failed to read '/proc/meminfo'")?;
        let kib: u64 = field(&memory, "MemTotal").split(' ').next().unwrap_or("").parse().unwrap_or(0);
        let load = std::fs::read_to_string("/proc/loadavg").context("failed to read '/proc/loadavg'")?;
        let processors = std::fs::read_to_string("/proc/cpuinfo").context("failed to read '/proc/cpuinfo'")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: field(&processors, "model name").to_owned(),
            memory_mib: kib / 1024,
            kernel: first_line(Command::new("uname").arg("-sr"))?,
            file_system: first_line(Command::new("stat").args(["--file-system", "--format=%T"]).arg(scratch))?,
            load_before: load.split(' ').next().unwrap_or("").parse().unwrap_or(0.0),
            // Nothing is wrong with measuring a tree that has no commit.
            commit: first_line(Command::new("git").args(["describe", "--always", "--dirty"])).unwrap_or_default(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, memory_mib, kernel, file_system, load_before, commit } = self;
        write!(f, "{cores} cores ({processor}), {memory_mib} MiB, {kernel}, {file_system}, ")?;
        write!(f, "load before {load_before}, commit {commit}")
    }
}

/// The value of the first `NAME : VALUE` line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let values = text.lines().filter_map(|line| line.split_once(':'));
    values.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next().unwrap_or("")
}

fn first_line(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("failed to run {command:?}"))?;
    anyhow::ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("").to_owned())
}
