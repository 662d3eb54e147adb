//! Other ways to copy a database, each until the copy is durable.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::measure::Sample;
use crate::process::{fsync, run};

pub(crate) const CP: &str = "cp and fsync";

/// Checks that the peers of a backup are there.
pub(crate) fn require_sqlite3() -> Result<()> {
    run(Command::new("sqlite3").arg("--version"))
        .context("sqlite3 is needed as a peer; install it, or leave the peers out with --sides ours,limit")?;
    Ok(())
}

/// The disk's limit: every byte read and written once, nothing looked at.
pub(crate) fn cp(from: &Path, to: &Path) -> Result<Sample> {
    // A file system that shares blocks would copy nothing.
    timed(Command::new("cp").arg("--reflink=never").arg(from).arg(to), to)
}

/// The shell's own backup command.
pub(crate) fn sqlite3_backup(from: &Path, to: &Path) -> Result<Sample> {
    timed(Command::new("sqlite3").arg(from).arg(format!(".backup '{}'", to.display())), to)
}

/// A copy without free pages.
pub(crate) fn vacuum_into(from: &Path, to: &Path) -> Result<Sample> {
    timed(Command::new("sqlite3").arg(from).arg(format!("VACUUM INTO '{}'", to.display())), to)
}

fn timed(command: &mut Command, copy: &Path) -> Result<Sample> {
    let begin = Instant::now();
    let ended = run(command)?;
    fsync(copy)?;
    let seconds = begin.elapsed().as_secs_f64();
    std::fs::remove_file(copy).with_context(|| format!("failed to remove '{}'", copy.display()))?;
    Ok(Sample::from([("seconds", seconds), ("peak_rss_mib", ended.peak_rss_mib)]))
}
