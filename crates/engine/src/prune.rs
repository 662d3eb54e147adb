//! Applies the retention rules to the backup folder: plan, print, apply.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::catalog::{self, Catalog, owner};
use disk::{files, lock};
use jiff::Timestamp;
use pra_core::Result;
use pra_core::retention::{self, Decision, Keep};
use serde::Serialize;

const LABEL: &str = "prune";

/// Where and by which rules.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database whose backups they are; it need not be there.
    pub database: PathBuf,
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
    /// The backups in the folder belong to this database, although they name another database, or none.
    pub adopt_backups: bool,
}

/// What happened to each file, or would in a dry run.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Fate {
    /// Name in the backup folder.
    pub file: String,
    /// Whether it stays.
    pub keep: bool,
    /// The rules that keep it.
    pub reasons: Vec<String>,
}

/// Removes what no rule keeps, newest first in the answer. What is unknown stays.
///
/// # Errors
/// [`pra_core::Code::Usage`] where the folder is another database's;
/// [`pra_core::Code::OutOfReach`] where it cannot be listed.
pub fn run(options: &Options) -> Result<Vec<Fate>> {
    let Options { backups, keep, wait, now, dry_run, .. } = options;
    // Listed before it is locked: the lock file is not to be made in a folder that is not there.
    let catalog = read(options)?;
    if *dry_run {
        return Ok(fates(&catalog, keep, *now));
    }
    let _one_writer = lock::backups(backups, *wait)?;
    let mut catalog = read(options)?;
    catalog::remove_temporaries(backups)?;
    catalog.record_unrecorded(backups, *now);
    let fates = fates(&catalog, keep, *now);
    apply(backups, &mut catalog, keep, *now)?;
    catalog.publish(backups, *now)?;
    Ok(fates)
}

fn read(options: &Options) -> Result<Catalog> {
    let Options { database, backups, adopt_backups, .. } = options;
    let catalog = Catalog::read_as_own(backups, *adopt_backups)?;
    owner::require_unless_away(&catalog, database, backups, *adopt_backups)?;
    Ok(catalog)
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

fn fates(catalog: &Catalog, keep: &Keep, now: Timestamp) -> Vec<Fate> {
    let decided = retention::plan(catalog.points(), keep, now);
    let decided = decided.into_iter().map(|Decision { file, keep, reasons }| Fate { file, keep, reasons });
    let unknown = catalog.unknown().iter();
    decided
        .chain(unknown.map(|point| Fate {
            file: point.file.clone(),
            keep: true,
            reasons: vec!["not in the catalog".to_owned()],
        }))
        .collect()
}
