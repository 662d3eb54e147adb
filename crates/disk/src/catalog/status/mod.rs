//! What the catalog holds beside the restore points: the replicas' state, rehearsals, drills and restores.
//!
//! The replicator writes here each second or two, also while a backup works for minutes: so this part has a short lock of
//! its own, and a process that publishes restore points copies the status as it is at that moment.

mod history;

use std::path::Path;

use ::catalog::queries;
use jiff::Timestamp;
use pra_core::Result;
use rusqlite::Connection;

use super::rows::{self, all};
use super::{FILE, PUBLICATION_WAIT, publish_image};
use crate::lock;

pub use ::catalog::{Drill, Forecast, Lag, Outcome, Place, Rehearsal, Replica, Restore, Volume};

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

/// Reads it.
pub(super) fn select(connection: &Connection) -> rusqlite::Result<Status> {
    let mut lags = all(connection, &queries::LAGS)?;
    lags.reverse();
    Ok(Status {
        replicas: all(connection, &queries::REPLICAS)?,
        rehearsals: all(connection, &queries::REHEARSALS)?,
        drills: all(connection, &queries::DRILLS)?,
        restores: all(connection, &queries::RESTORES)?,
        volumes: all(connection, &queries::VOLUMES)?,
        lags,
        forecast: all(connection, &queries::FORECAST)?.pop(),
    })
}

/// Writes it into the empty tables.
pub(super) fn insert(connection: &Connection, status: &Status) -> rusqlite::Result<()> {
    let Status { replicas, rehearsals, drills, restores, volumes, lags, forecast } = status;
    rows::insert(connection, replicas)?;
    rows::insert(connection, rehearsals)?;
    rows::insert(connection, drills)?;
    rows::insert(connection, restores)?;
    rows::insert(connection, volumes)?;
    rows::insert(connection, forecast)?;
    rows::insert(connection, lags)
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
    // The restore points are as they were published; the program that writes them is this one.
    let (at, source, owner) = match recorded.publication.take() {
        Some(publication) => (publication.at, publication.source, publication.owner),
        None => (now, None, None),
    };
    recorded.publication = Some(rows::publication(at, source, owner));
    publish_image(&rows::image(&recorded, &path)?, &path)
}

#[cfg(test)]
mod tests;
