//! One run of `backup-job`, awaited without blocking, and the line that tells its outcome.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::folder::Folder;
use super::words;
use crate::workspace;

/// `backup-job VERB` on the folder's database and backups.
pub(crate) fn job(verb: &str, folder: &Folder) -> Command {
    let mut command = Command::new(workspace::bin("backup-job"));
    command.arg(verb).arg("--database").arg(folder.database()).arg("--backups").arg(folder.backups());
    command
}

/// A backup that is being made.
#[derive(Debug)]
pub(crate) struct Backup {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    /// The command, as one types it: what a hint names is a flag of that.
    typed: String,
}

impl Backup {
    pub(crate) fn start(folder: &Folder) -> Result<Self> {
        let mut command = job("backup", folder);
        command.args(["-o", "json"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().context("failed to start backup-job")?;
        let stdout = child.stdout.take().map(read_all);
        let stderr = child.stderr.take().map(read_all);
        Ok(Self { child, stdout, stderr, typed: words::job("backup", folder) })
    }

    /// The line about the backup, once it has ended.
    pub(crate) fn line(&mut self) -> Result<Option<String>> {
        let Some(status) = self.child.try_wait().context("failed to look at backup-job")? else { return Ok(None) };
        let text = |reader: &mut Option<JoinHandle<String>>| {
            reader.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
        };
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        Ok(Some(describe(status, &stdout, &stderr, &self.typed)))
    }

    /// Ends the backup; an unfinished one leaves nothing that the next run does not clear away.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.child.try_wait().context("failed to look at backup-job")?.is_none() {
            let pid = Pid::from_raw(i32::try_from(self.child.id()).context("a process id out of range")?);
            kill(pid, Signal::SIGTERM).context("failed to signal backup-job")?;
            self.child.wait().context("failed to wait for backup-job")?;
        }
        Ok(())
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        // What arrived before a failure is still worth showing.
        drop(from.read_to_string(&mut text));
        text
    })
}

fn describe(status: ExitStatus, stdout: &str, stderr: &str, typed: &str) -> String {
    let answer: Value = serde_json::from_str(stdout).unwrap_or(Value::Null);
    if status.success() { success(&answer) } else { failure(status, &answer, stderr, typed) }
}

fn success(answer: &Value) -> String {
    let file = answer["file"].as_str().unwrap_or("(no name)");
    let events = answer["events"].as_u64().map_or(String::new(), |events| format!("  {events} events"));
    let seconds = answer["seconds"].as_f64().unwrap_or_default();
    let unchanged = if answer["unchanged"].as_bool() == Some(true) { "  unchanged" } else { "" };
    let size = size(answer["bytes"].as_u64().unwrap_or_default());
    format!("{file}  {size}{events}  {seconds:.2} s{unchanged}")
}

fn failure(status: ExitStatus, answer: &Value, stderr: &str, typed: &str) -> String {
    let error = &answer["error"];
    let message = error["message"].as_str().or_else(|| stderr.lines().last()).unwrap_or("no reason given");
    let hint = error["hint"].as_str().map_or(String::new(), |hint| format!(" ({hint})"));
    format!("backup failed ({status}): {message}{hint}; to run it by hand: {typed}")
}

fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_backup_is_one_line_with_name_size_events_and_time() {
        let answer = r#"{"file":"backup-2025-01-10-12-00.db","bytes":20480,"pages":5,"events":3,
            "seconds":0.041,"verified":true,"unchanged":false}"#;
        let line = describe(ExitStatus::from_raw(0), answer, "", "job");
        assert_eq!(line, "backup-2025-01-10-12-00.db  20.0 KiB  3 events  0.04 s");
    }

    #[test]
    fn an_unchanged_database_is_said_so() {
        let line = describe(ExitStatus::from_raw(0), r#"{"file":"a.db","bytes":0,"unchanged":true}"#, "", "job");
        assert!(line.ends_with("unchanged"), "{line}");
    }

    #[test]
    fn a_failure_tells_its_reason_and_its_hint() {
        let answer = r#"{"error":{"code":"busy","message":"the database is locked","hint":"try again"}}"#;
        let line = describe(ExitStatus::from_raw(5 << 8), answer, "", "job");
        assert_eq!(line, "backup failed (exit status: 5): the database is locked (try again); to run it by hand: job");
        let line = describe(ExitStatus::from_raw(9), "", "first\nlast", "job");
        assert_eq!(line, "backup failed (signal: 9 (SIGKILL)): last; to run it by hand: job");
    }

    #[test]
    fn sizes_have_the_unit_that_keeps_them_short() {
        assert_eq!(size(512), "0.5 KiB");
        assert_eq!(size(1024 * 1024), "1.0 MiB");
        assert_eq!(size(u64::MAX), "16777216.0 TiB");
    }
}
