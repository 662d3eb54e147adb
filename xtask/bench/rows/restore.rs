//! Restores: in place under four writers, and by replacing a file that is gone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rusqlite::Connection;
use serde_json::Value;

use super::Bench;
use crate::load::{Load, Outcome};
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::{Files, Ours};
use crate::process::run;
use crate::report::{Group, Metric};
use crate::{copies, http, seed};

const MB: u64 = 1_000_000;
const WRITERS: usize = 4;

/// Rows on a page of the databases that are made here, at most.
const ROWS_PER_PAGE: i64 = 17;

/// The writers are at work this long before the restore begins.
const LEAD: Duration = Duration::from_millis(500);

const IN_PLACE: [Metric; 6] = [
    Metric::lower("seconds", "s"),
    Metric::lower("lock_seconds", "s"),
    Metric::lower("refused", "requests"),
    Metric::lower("max_ms", "ms"),
    Metric::lower("p99_ms", "ms"),
    Metric::lower("peak_rss_mib", "MiB"),
];

const REPLACE: [Metric; 2] = [Metric::lower("seconds", "s"), Metric::lower("peak_rss_mib", "MiB")];

/// How much of the live database differs from the backup.
struct Difference {
    name: &'static str,
    /// Of so many rows one is changed.
    one_of: i64,
}

const ONE_PAGE_OF_100: Difference = Difference { name: "1 page of 100 differs", one_of: 100 * ROWS_PER_PAGE };
const ALL_PAGES: Difference = Difference { name: "all pages differ", one_of: 1 };

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    if bench.options.quick {
        return one_size(bench, 20 * MB, "20 MB", &[ONE_PAGE_OF_100, ALL_PAGES]);
    }
    let mut groups = one_size(bench, 100 * MB, "100 MB", &[ONE_PAGE_OF_100, ALL_PAGES])?;
    groups.extend(one_size(bench, 1000 * MB, "1 GB", &[ONE_PAGE_OF_100])?);
    Ok(groups)
}

fn one_size(bench: &Bench<'_>, bytes: u64, size: &str, differences: &[Difference]) -> Result<Vec<Group>> {
    let files = Files::below(&bench.project.scratch.folder("restore")?)?;
    eprintln!("restore of {size}: making the database and its backup");
    seed::application_of_size(&bench.project.schema, &files.database, bytes)?;
    let backup = back_up(bench, &files)?;
    let mut groups = Vec::new();
    for difference in differences {
        let title = format!("restore of {size} in place, {}", difference.name);
        groups.push(in_place(bench, &files, &backup, &title, difference)?);
    }
    groups.push(replace(bench, &files, &backup, &format!("restore of {size}, replacing"))?);
    Ok(groups)
}

/// The path of a new backup.
fn back_up(bench: &Bench<'_>, files: &Files) -> Result<PathBuf> {
    let ended = files.back_up(&bench.project)?;
    let report: Value = serde_json::from_slice(&ended.stdout).context("failed to parse what backup says")?;
    let file = report["file"].as_str().context("backup does not name its file")?;
    Ok(files.backups.join(file))
}

fn in_place(bench: &Bench<'_>, files: &Files, backup: &Path, title: &str, difference: &Difference) -> Result<Group> {
    let ours = files.serve(&bench.project)?;
    let restore = || {
        change(&files.database, difference)?;
        let mut sample = under_writers(&ours, || restored(bench, files, backup, "in-place"))?;
        forget_safety_copies(&files.backups)?;
        sample.remove("per_second");
        Ok(sample)
    };
    compare(bench, title, backup, restore, &IN_PLACE)
}

fn replace(bench: &Bench<'_>, files: &Files, backup: &Path, title: &str) -> Result<Group> {
    let restore = || {
        for sidecar in [files.wal(), files.database.clone()] {
            if sidecar.exists() {
                std::fs::remove_file(&sidecar)?;
            }
        }
        restored(bench, files, backup, "replace")
    };
    compare(bench, title, backup, restore, &REPLACE)
}

fn compare(
    bench: &Bench<'_>,
    title: &str,
    backup: &Path,
    restore: impl FnMut() -> Result<Sample>,
    metrics: &[Metric],
) -> Result<Group> {
    let copy = bench.project.scratch.path().join("copy.db");
    let contenders = [
        (Side::Ours, Contender::new(Side::Ours, "backup-job", restore)),
        (Side::Limit, Contender::new(Side::Limit, copies::CP, || copies::cp(backup, &copy))),
    ];
    let contenders = contenders.into_iter().filter(|(side, _)| bench.options.runs(*side)).map(|(_, c)| c).collect();
    let series = take_turns(title, contenders, bench.options.turns())?;
    Ok(Group::new(title, series, metrics))
}

/// `backup-job restore` of that backup: how long it took from outside, and what it says of the lock.
fn restored(bench: &Bench<'_>, files: &Files, backup: &Path, mode: &str) -> Result<Sample> {
    let point = backup.file_name().context("a backup without a name")?;
    let mut command = files.backup_job(&bench.project, "restore");
    command.args(["--mode", mode, "--yes", "-o", "json", "--point"]).arg(point);
    let ended = run(&mut command)?;
    let report: Value = serde_json::from_slice(&ended.stdout).context("failed to parse what restore says")?;
    let mut sample = Sample::from([("seconds", ended.elapsed.as_secs_f64()), ("peak_rss_mib", ended.peak_rss_mib)]);
    if let Some(seconds) = report["lock_seconds"].as_f64() {
        sample.insert("lock_seconds", seconds);
    }
    Ok(sample)
}

/// Runs `restore` while writers are at work; their figures are added to its own.
fn under_writers(ours: &Ours, restore: impl FnOnce() -> Result<Sample>) -> Result<Sample> {
    let request = &http::get("/add?message=hello");
    let load = Load { address: ours.server.address, clients: WRITERS, request };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = scope.spawn(|| load.run_until(&stop));
        std::thread::sleep(LEAD);
        let restored = restore();
        stop.store(true, Ordering::Relaxed);
        let written: Outcome = writers.join().map_err(|_panic| anyhow!("a writer panicked"))??;
        let mut sample = restored?;
        sample.extend(written.sample(1));
        Ok(sample)
    })
}

/// Changes rows in place: as many pages differ as rows that lie on different pages.
fn change(database: &Path, difference: &Difference) -> Result<()> {
    let connection = Connection::open(database)?;
    let statement = "UPDATE events SET message = substr(message, 2) || substr(message, 1, 1) WHERE id % ?1 = 0";
    connection.execute(statement, [difference.one_of]).context("failed to change the live database")?;
    Ok(())
}

fn forget_safety_copies(backups: &Path) -> Result<()> {
    for entry in std::fs::read_dir(backups)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pre-restore-")) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}
