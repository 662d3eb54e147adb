//! Applies the retention rules to the backup folder: plan, print, apply.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::catalog::{self, Catalog};
use crate::error::Result;
use crate::model::retention::{self, Decision, Keep};
use crate::{files, lock};

const LABEL: &str = "prune";

/// Where and by which rules.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backup folder.
    pub backups: PathBuf,
    /// The rules.
    pub keep: Keep,
    /// Longest wait for the folder's lock.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
    /// Plans, and removes nothing.
    pub dry_run: bool,
}

/// What became of each file, or would.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Fate {
    /// Name in the backup folder.
    pub file: String,
    /// Whether it stays.
    pub keep: bool,
    /// The rules that keep it.
    pub reasons: Vec<String>,
}

/// Removes what no rule keeps, newest first in the answer.
pub fn run(options: &Options) -> Result<Vec<Fate>> {
    let Options { backups, keep, wait, now, dry_run } = options;
    // Listed before it is locked: the lock file is not to be made in a folder that is not there.
    let mut catalog = Catalog::read(backups)?;
    if *dry_run {
        return Ok(fates(retention::plan(catalog.points(), keep, *now)));
    }
    let _one_writer = lock::backups(backups, *wait)?;
    catalog = Catalog::read(backups)?;
    catalog::remove_temporaries(backups)?;
    catalog.record_strangers(backups, *now);
    let fates = fates(retention::plan(catalog.points(), keep, *now));
    apply(backups, &mut catalog, keep, *now)?;
    catalog.publish(backups, *now)?;
    Ok(fates)
}

/// Removes what no rule keeps from the folder and from `catalog`; the caller publishes it and holds the lock.
pub(crate) fn apply(backups: &Path, catalog: &mut Catalog, keep: &Keep, now: Timestamp) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for Decision { file, keep, reasons: _ } in retention::plan(catalog.points(), keep, now) {
        if keep {
            continue;
        }
        files::remove(LABEL, &backups.join(&file))?;
        catalog.remove(&file);
        removed.push(file);
    }
    if !removed.is_empty() {
        files::sync_folder_of(LABEL, &backups.join(catalog::FILE))?;
    }
    Ok(removed)
}

fn fates(decisions: Vec<Decision>) -> Vec<Fate> {
    decisions.into_iter().map(|Decision { file, keep, reasons }| Fate { file, keep, reasons }).collect()
}
