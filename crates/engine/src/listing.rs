//! The restore points of a backup folder as `list` prints them.

use std::path::{Path, PathBuf};

use disk::catalog::{self, Catalog, Owner};
use jiff::Timestamp;
use pra_core::point::Point;
use pra_core::restore_point::RestorePoint;
use pra_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::remote::{self, Access, Window};

/// One restore point; `-o json` prints a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What `--point` takes.
    pub point: String,
    /// `backup`, `safety-copy` for what a restore kept, or a replica's URL.
    pub source: String,
    /// Instant of the snapshot.
    pub created_at: Timestamp,
    /// Time since then; null where it is ahead of the clock.
    pub age_seconds: Option<u64>,
    /// By how much it is ahead of the clock, if that is more than the tolerance: it is never chosen unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead_seconds: Option<u64>,
    /// Size.
    pub bytes: u64,
    /// Rows of the table `events`; null where the database has none.
    pub events: Option<u64>,
    /// Whether the last verification succeeded.
    pub verified: bool,
    /// The older backup with the same bytes.
    pub unchanged_since: Option<String>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What SQLite's checks report that is not damage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// For a replica: every instant from this one on can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// For a replica: the first and the last transaction that were shipped but are missing after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<(u64, u64)>,
    /// A file that the catalog does not know: it may be another database's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// For a backup: the database that it belongs to, if the folder says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
}

/// The database that a backup belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The database's own id.
    pub id: String,
    /// Its path at the last backup.
    pub path: PathBuf,
    /// The machine of that backup.
    pub host: String,
}

/// The restore points of a backup folder, newest first, and after them the files that the catalog does not know.
///
/// # Errors
/// Where the folder or its catalog cannot be read.
pub fn list(backups: &Path, now: Timestamp) -> Result<Vec<Listed>> {
    let catalog = Catalog::read(backups)?;
    let known = catalog.points().iter().map(|point| listed(point, catalog.owner(), now));
    let unknown = catalog.unknown().iter().map(|point| Listed { unknown: true, ..listed(point, None, now) });
    Ok(known.chain(unknown).collect())
}

/// What all sources have, newest first, and why some of them could not be listed.
#[derive(Debug)]
pub struct Listing {
    /// The restore points of the others.
    pub points: Vec<Listed>,
    /// One for each source that is left out.
    pub troubles: Vec<Error>,
}

/// The same, and the windows of the replicas: each as its newest state, with its first instant. An accepted replica out
/// of reach is not an error.
///
/// # Errors
/// Where the catalog cannot be read. A backup folder that cannot be listed is left aside: on an empty cluster there is
/// none.
pub fn list_with_replicas(
    backups: &Path,
    access: &Access,
    accept_unreachable: bool,
    now: Timestamp,
) -> Result<Listing> {
    let mut points = catalog::unless_away(list(backups, now), true)?.unwrap_or_default();
    let mut troubles = Vec::new();
    for url in &access.replicas {
        match windows(&access.only(url), accept_unreachable) {
            Ok(windows) => points.extend(windows.into_iter().map(|window| of_window(window, now))),
            Err(error) => troubles.push(error),
        }
    }
    points.sort_by(|one, other| other.created_at.cmp(&one.created_at).then_with(|| one.point.cmp(&other.point)));
    Ok(Listing { points, troubles })
}

fn windows(access: &Access, accept_unreachable: bool) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    for survey in access.surveys(accept_unreachable)? {
        windows.extend(remote::windows(access, &survey)?);
    }
    Ok(windows)
}

/// The error of a list from which sources are left out; the first of them says what to do.
pub fn left_out(mut troubles: Vec<Error>, sources: usize) -> Option<Error> {
    match troubles.len() {
        0 => None,
        1 => troubles.pop(),
        count => {
            let first = troubles.swap_remove(0);
            let error = Error::new(first.code(), format!("{count} of {sources} replicas are not listed"));
            let hint = first.hint_text().map(str::to_owned);
            let error = error.because(first.chain());
            Some(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
    }
}

fn of_window(window: Window, now: Timestamp) -> Listed {
    Listed {
        point: Point::Transaction(window.epoch, window.transactions.1).to_string(),
        source: window.replica,
        created_at: window.to,
        age_seconds: age(window.to, now),
        ahead_seconds: ahead(window.to, now),
        database: None,
        bytes: window.bytes,
        events: None,
        verified: false,
        unchanged_since: None,
        error: None,
        warnings: Vec::new(),
        encrypted: window.encrypted,
        from: Some(window.from),
        missing: window.missing,
        unknown: false,
    }
}

fn ahead(at: Timestamp, now: Timestamp) -> Option<u64> {
    pra_core::ahead::ahead(at.as_millisecond(), now.as_millisecond()).map(|ahead| ahead.as_secs())
}

fn age(at: Timestamp, now: Timestamp) -> Option<u64> {
    match ahead(at, now) {
        Some(_) => None,
        None => Some(now.duration_since(at).as_secs().try_into().unwrap_or(0)),
    }
}

fn listed(point: &RestorePoint, owner: Option<&Owner>, now: Timestamp) -> Listed {
    Listed {
        point: point.file.clone(),
        source: point.kind.source().to_owned(),
        created_at: point.created_at,
        age_seconds: age(point.created_at, now),
        ahead_seconds: ahead(point.created_at, now),
        database: owner.map(|owner| Database {
            id: owner.id.to_string(),
            path: owner.path.clone(),
            host: owner.host.clone(),
        }),
        bytes: point.bytes,
        events: point.events,
        verified: point.is_verified(),
        unchanged_since: point.unchanged_since.clone(),
        error: point.error.clone(),
        warnings: point.warnings.clone(),
        encrypted: point.encrypted,
        from: None,
        missing: None,
        unknown: false,
    }
}
