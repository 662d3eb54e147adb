//! Backups of a live database, beside copies that are not verified.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::Connection;

use super::Bench;
use crate::bare::Bare;
use crate::copies;
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::Files;
use crate::report::{Group, Metric};
use crate::seed;

const MB: u64 = 1_000_000;

const METRICS: [Metric; 3] =
    [Metric::lower("seconds", "s"), Metric::lower("peak_rss_mib", "MiB"), Metric::lower("unchanged_seconds", "s")];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    if bench.options.runs(Side::Peer) {
        copies::require_sqlite3()?;
    }
    let sizes: &[(u64, &str)] =
        if bench.options.quick { &[(20 * MB, "20 MB")] } else { &[(100 * MB, "100 MB"), (1000 * MB, "1 GB")] };
    let turns = bench.options.turns();
    let mut groups = Vec::new();
    for (bytes, name) in sizes {
        groups.push(one_size(bench, *bytes, &format!("backup of {name}"), turns)?);
    }
    if bench.options.large {
        groups.push(one_size(bench, 10_000 * MB, "backup of 10 GB", 1)?);
    }
    Ok(groups)
}

fn one_size(bench: &Bench<'_>, bytes: u64, title: &str, turns: usize) -> Result<Group> {
    let folder = bench.project.scratch.folder("backup")?;
    let files = Files::below(&folder)?;
    eprintln!("{title}: making the database");
    seed::application_of_size(&bench.project.schema, &files.database, bytes)?;
    // The application has it open.
    let _holder = Bare::new(files.database.clone())?;

    let copy = folder.join("copy.db");
    let (from, to) = (files.database.as_path(), copy.as_path());
    let contenders = vec![
        (Side::Ours, Contender::new(Side::Ours, "backup-job", || ours(bench, &files))),
        (Side::Peer, Contender::new(Side::Peer, "sqlite3 .backup", || copies::sqlite3_backup(from, to))),
        (Side::Peer, Contender::new(Side::Peer, "VACUUM INTO", || copies::vacuum_into(from, to))),
        (Side::Limit, Contender::new(Side::Limit, copies::CP, || copies::cp(from, to))),
    ];
    let contenders = contenders.into_iter().filter(|(side, _)| bench.options.runs(*side)).map(|(_, c)| c).collect();
    let series = take_turns(title, contenders, turns)?;
    Ok(Group::new(title, series, &METRICS))
}

/// The first backup of this content into an empty folder, and a second one of the same.
fn ours(bench: &Bench<'_>, files: &Files) -> Result<Sample> {
    change(&files.database)?;
    empty(&files.backups)?;
    let first = files.back_up(&bench.project)?;
    let again = files.back_up(&bench.project)?;
    empty(&files.backups)?;
    Ok(Sample::from([
        ("seconds", first.elapsed.as_secs_f64()),
        ("peak_rss_mib", first.peak_rss_mib),
        ("unchanged_seconds", again.elapsed.as_secs_f64()),
    ]))
}

fn change(database: &Path) -> Result<()> {
    Connection::open(database)?.execute("UPDATE events SET message = lower(message) || '' WHERE id = 1", ())?;
    Ok(())
}

fn empty(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder)
        .and_then(|()| std::fs::create_dir_all(folder))
        .with_context(|| format!("failed to empty '{}'", folder.display()))
}
