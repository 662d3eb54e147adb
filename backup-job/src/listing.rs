//! The restore points of a backup folder as `list` prints them.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{self, Catalog};
use crate::error::Result;
use crate::model::point::Point;
use crate::model::restore_point::RestorePoint;
use crate::output::{self, Answer};
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
    /// Time since then.
    pub age_seconds: u64,
    /// Size.
    pub bytes: u64,
    /// Rows of the table `events`; null where the database has none.
    pub events: Option<u64>,
    /// Whether the last verification succeeded.
    pub verified: bool,
    /// The older one that is the same to the byte.
    pub unchanged_since: Option<String>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What SQLite's checks say that is no damage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Whether it is sealed.
    #[serde(default)]
    pub sealed: bool,
    /// Of a replica: every instant from this one on can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

/// The restore points of a backup folder, newest first.
///
/// # Errors
/// Where the folder or its catalog cannot be read.
pub fn list(backups: &Path, now: Timestamp) -> Result<Vec<Listed>> {
    Ok(Catalog::read(backups)?.points().iter().map(|point| listed(point, now)).collect())
}

/// The same, and the windows of the replicas: each as its newest state, with the instant from which on it reaches.
///
/// # Errors
/// Where a replica cannot be read, unless that is accepted. A backup folder that cannot be read is left aside: on an
/// empty cluster there is none.
pub fn list_with_replicas(
    backups: &Path,
    access: &Access,
    accept_unreachable: bool,
    now: Timestamp,
) -> Result<Vec<Listed>> {
    let mut all = catalog::unless_away(list(backups, now), true)?.unwrap_or_default();
    for survey in access.surveys(accept_unreachable)? {
        all.extend(remote::windows(access, &survey)?.into_iter().map(|window| of_window(window, now)));
    }
    all.sort_by(|one, other| other.created_at.cmp(&one.created_at).then_with(|| one.point.cmp(&other.point)));
    Ok(all)
}

fn of_window(window: Window, now: Timestamp) -> Listed {
    Listed {
        point: Point::Transaction(window.epoch, window.transactions.1).to_string(),
        source: window.replica,
        created_at: window.to,
        age_seconds: now.duration_since(window.to).as_secs().try_into().unwrap_or(0),
        bytes: window.bytes,
        events: None,
        verified: false,
        unchanged_since: None,
        error: None,
        warnings: Vec::new(),
        sealed: window.sealed,
        from: Some(window.from),
    }
}

fn listed(point: &RestorePoint, now: Timestamp) -> Listed {
    Listed {
        point: point.file.clone(),
        source: point.kind.source().to_owned(),
        created_at: point.created_at,
        age_seconds: point.age(now).as_secs(),
        bytes: point.bytes,
        events: point.events,
        verified: point.is_verified(),
        unchanged_since: point.unchanged_since.clone(),
        error: point.error.clone(),
        warnings: point.warnings.clone(),
        sealed: point.sealed,
        from: None,
    }
}

/// The list as table, JSON and names.
///
/// # Errors
/// As [`Answer::new`].
pub fn answer(listed: &[Listed]) -> Result<Answer> {
    let rows = listed.iter().map(|row| {
        [
            row.point.clone(),
            row.source.clone(),
            crate::model::age::display(Duration::from_secs(row.age_seconds)),
            output::size(row.bytes),
            output::or_dash(row.events),
            state(row),
        ]
    });
    let table = if listed.is_empty() {
        "no restore points yet".to_owned()
    } else {
        output::table(["POINT", "SOURCE", "AGE", "SIZE", "EVENTS", "STATE"], rows)
    };
    Answer::new(&listed, table, listed.iter().map(|row| row.point.clone()).collect())
}

fn state(row: &Listed) -> String {
    let sealed = match (row.sealed, row.warnings.len()) {
        (false, 0) => String::new(),
        (true, 0) => ", sealed".to_owned(),
        (false, warnings) => format!(", {warnings} warnings"),
        (true, warnings) => format!(", sealed, {warnings} warnings"),
    };
    if let Some(from) = row.from {
        return format!("any instant since {from:.0}{sealed}");
    }
    match (&row.error, row.verified, &row.unchanged_since) {
        (Some(error), _, _) => format!("damaged: {error}"),
        (None, false, _) => format!("not verified{sealed}"),
        (None, true, Some(since)) => format!("verified{sealed}, same as {since}"),
        (None, true, None) => format!("verified{sealed}"),
    }
}
