//! What the catalog holds beside the restore points: the replicas' state, rehearsals, drills and restores.
//!
//! The replicator writes here each second or two, also while a backup works for minutes: so this part has a short lock of
//! its own, and a process that publishes restore points copies the status as it is at that moment.

mod history;
mod tables;

use std::path::Path;

use jiff::Timestamp;
use pra_core::Result;
use serde::{Deserialize, Serialize};

use super::{FILE, PUBLICATION_WAIT, publish_image, rows};
use crate::lock;

pub(super) use tables::{insert, select};

/// How many rehearsals of each source, and how many drills, are kept.
const KEPT: usize = 50;

/// Everything but the restore points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The configured stores.
    pub replicas: Vec<Replica>,
    /// Newest first.
    rehearsals: Vec<Rehearsal>,
    /// Newest first.
    drills: Vec<Drill>,
    /// Newest first.
    restores: Vec<Restore>,
    /// How full the volumes are.
    volumes: Vec<Volume>,
    /// How far the replicas were behind, oldest first.
    lags: Vec<Lag>,
    /// What the rules of the last backup come to keep; `None`: that cannot be told.
    forecast: Option<Forecast>,
}

/// What the rules come to keep, if backups go on like the last ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// When that was reckoned.
    pub at: Timestamp,
    /// Files that are not hard links.
    pub files: u64,
    /// All of them.
    pub bytes: u64,
    /// What of these is there.
    pub present: u64,
    /// Flags that keep no more than the volume has room for, where the rules do not fit and such flags were found.
    pub rules: Option<String>,
}

/// A volume that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The database's.
    Data,
    /// That of the backup folder.
    Backup,
}

/// How full a volume was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Which one.
    pub place: Place,
    /// The database, or the backup folder: what commands are given here.
    pub path: String,
    /// When.
    pub at: Timestamp,
    /// Its size in bytes.
    pub total: u64,
    /// What may still be written, in bytes.
    pub free: u64,
}

/// How far a replica was behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// The replica.
    pub url: String,
    /// When.
    pub at: Timestamp,
    /// By how much.
    pub seconds: f64,
}

/// The state of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// Its URL, which holds no secret.
    pub url: String,
    /// When this was true.
    pub seen: Timestamp,
    /// The epoch that is written; `None`: it was never reached.
    pub epoch: Option<String>,
    /// The last transaction that it has.
    pub txid: u64,
    /// Everything committed before this instant is in it; `None`: nothing is.
    pub synced: Option<Timestamp>,
    /// The first instant that can be restored from it, where that is known.
    pub window_from: Option<Timestamp>,
    /// Files that wait for it.
    pub queue_files: u64,
    /// Bytes of them.
    pub queue_bytes: u64,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// What blocks it now.
    pub error: Option<String>,
    /// What SQLite's checks report about the database that is not damage; `None`: they were not run yet.
    pub warnings: Option<Vec<String>>,
}

/// How a rehearsal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Restored, verified, and equal to what the source recorded.
    Good,
    /// It could not be restored, or not as it should be.
    Failed,
    /// Encrypted, and no identity was given: checked as far as that goes.
    NotRehearsed,
}

/// One rehearsal of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// When it began.
    pub at: Timestamp,
    /// `backup`, or a replica's URL.
    pub source: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was restored.
    pub point: Option<String>,
    /// The instant of that.
    pub point_at: Option<Timestamp>,
    /// How long it took: fetching, restoring and verifying.
    pub seconds: f64,
    /// Size of the restored database.
    pub bytes: Option<u64>,
    /// Rows of its table `events`.
    pub events: Option<u64>,
    /// Why it failed, or was not rehearsed.
    pub error: Option<String>,
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// When it began.
    pub at: Timestamp,
    /// `pod-crash`, `volume-loss`, `bad-write`, `cluster-loss`.
    pub kind: String,
    /// Whether what is promised was kept.
    pub kept: bool,
    /// From the disaster to the first acknowledged write.
    pub rto_seconds: Option<f64>,
    /// From the first lost event's acknowledgement to the disaster.
    pub rpo_seconds: Option<f64>,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that are gone.
    pub lost: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// A restore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restore {
    /// When it began.
    pub began: Timestamp,
    /// `None`: it is at work, or was killed.
    pub ended: Option<Timestamp>,
    /// What was asked for, or chosen.
    pub point: String,
    /// `in-place` or `replace`.
    pub mode: Option<String>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Status {
    /// Newest first.
    pub fn rehearsals(&self) -> &[Rehearsal] {
        &self.rehearsals
    }

    /// Newest first.
    pub fn drills(&self) -> &[Drill] {
        &self.drills
    }

    /// Adds a rehearsal; the oldest of its source beyond the number that is kept goes.
    pub fn add_rehearsal(&mut self, rehearsal: Rehearsal) {
        let source = rehearsal.source.clone();
        self.rehearsals.retain(|other| other.source != source || other.at != rehearsal.at);
        self.rehearsals.push(rehearsal);
        self.rehearsals.sort_by(|one, other| (other.at, &one.source).cmp(&(one.at, &other.source)));
        let mut kept = 0;
        self.rehearsals.retain(|one| {
            kept += usize::from(one.source == source);
            one.source != source || kept <= KEPT
        });
    }

    /// Newest first.
    pub fn restores(&self) -> &[Restore] {
        &self.restores
    }

    /// Replaces the forecast.
    pub fn set_forecast(&mut self, forecast: Option<Forecast>) {
        self.forecast = forecast;
    }

    /// Adds a drill; the oldest beyond the number that is kept goes.
    pub fn add_drill(&mut self, drill: Drill) {
        self.drills.retain(|other| other.at != drill.at);
        self.drills.push(drill);
        self.drills.sort_by_key(|drill| std::cmp::Reverse(drill.at));
        self.drills.truncate(KEPT);
    }
}

/// What the catalog in `folder` tells; nothing where there is none.
///
/// # Errors
/// Where it cannot be read.
pub fn read(folder: &Path) -> Result<Status> {
    Ok(rows::read_strictly(&folder.join(FILE))?.status)
}

/// Changes it, and publishes the catalog with its restore points unchanged.
///
/// # Errors
/// Where the folder cannot be written, and where the catalog is unreadable: to write another one over it would hide the
/// restore points; the next backup reads them back.
pub fn update(folder: &Path, now: Timestamp, change: impl FnOnce(&mut Status)) -> Result<()> {
    let _one_writer = lock::publication(folder, PUBLICATION_WAIT)?;
    let path = folder.join(FILE);
    let mut recorded = rows::read_strictly(&path)?;
    change(&mut recorded.status);
    recorded.status.note_room(Place::Backup, folder, now);
    recorded.published_at = recorded.published_at.or(Some(now));
    publish_image(&rows::image(&recorded, &path)?, &path)
}

#[cfg(test)]
mod tests;
