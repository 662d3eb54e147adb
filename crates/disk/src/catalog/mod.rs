//! The catalog: the files on the backup volume, with what was measured when each was made.
//!
//! The files are authoritative, the catalog is what is known about them: a row without its file is dropped. Each file
//! is announced, in [`announcement`] or in the catalog, before it has its name. So a file without its row that was
//! announced is one that a killed run made: the next publication reads it back and records it. Any other is unknown: it
//! may be another database's, and is left as it is until the operator adopts it. A catalog that was lost names no
//! owner, and the files are taken as they are found; the first backup then leaves aside what has no table of its
//! database.
//!
//! `catalog.db` is read by the application on a read-only mount while it is replaced by rename. So it is written whole
//! in memory, never in place, is in rollback-journal mode, and stray sidecars are removed at each publication (one of
//! them makes it unreadable there). A missing file, one of 0 bytes (Spin makes such a one where the folder is
//! writable) and one without tables all mean: no backup yet.

mod alike;
mod announcement;
pub mod owner;
mod rows;
mod scan;
pub mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use pra_core::naming::{Kind, TEMPORARY_PREFIX};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Result};

use crate::files::{self, Writer};
use crate::lock;

pub use ::catalog::{FILE, Owner, VERSION};
pub use scan::remove_temporaries;
use status::Place;

/// Longest wait for another process that publishes: it only writes one small file.
const PUBLICATION_WAIT: Duration = Duration::from_secs(5);

/// The restore points of one backup volume.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// Newest first.
    points: Vec<RestorePoint>,
    /// Files whose database is unknown.
    unknown: Vec<RestorePoint>,
    /// The database that owns them; `None`: not recorded yet.
    owner: Option<Owner>,
    /// What the live database's files looked like when the newest backup was made.
    source: Option<SourceStamp>,
    /// The path of the database: how full its volume is, is published too.
    database: Option<PathBuf>,
    /// What the retention rules will keep, if that was estimated: it is published too.
    forecast: Option<Option<status::Forecast>>,
}

/// Size, time and identity of the live database's files: equal stamps make an unchanged database likely, and only
/// then is it worth reading it before deciding to copy it. Never a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStamp(pub String);

impl Catalog {
    /// Reads the folder and the catalog in it.
    ///
    /// # Errors
    /// [`pra_core::Code::OutOfReach`] where the folder cannot be listed: that is never the same as "no backups".
    pub fn read(folder: &Path) -> Result<Self> {
        let files = scan::files(folder)?;
        let mut recorded = rows::read(&folder.join(FILE))?;
        recorded.announced.extend(announcement::read(folder)?);
        let (mut points, mut unknown) = (Vec::new(), Vec::new());
        for file in files {
            if let Some(row) = recorded.points.iter().find(|row| row.file == file.name) {
                points.push(held_to_its_size(row.clone(), file.bytes));
                continue;
            }
            let is_ours = recorded.owner().is_none() || recorded.announced.contains(&file.name);
            let point = RestorePoint::unrecorded(file.name, file.kind, file.created_at, file.bytes);
            if is_ours { &mut points } else { &mut unknown }.push(point);
        }
        place_unrecorded(&mut points);
        sort(&mut points);
        sort(&mut unknown);
        let (owner, source) = match recorded.publication {
            Some(publication) => (publication.owner, publication.source.map(SourceStamp)),
            None => (None, None),
        };
        Ok(Self { points, unknown, owner, source, database: None, forecast: None })
    }

    /// The same; with `insists` the caller states that all files in the folder belong to the database.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_as_own(folder: &Path, insists: bool) -> Result<Self> {
        let mut catalog = Self::read(folder)?;
        if insists {
            catalog.adopt_unknown(|_| true);
        }
        Ok(catalog)
    }

    /// The restore points of the folder's database, newest first.
    pub fn points(&self) -> &[RestorePoint] {
        &self.points
    }

    /// Files with the name of a restore point whose database is unknown: never chosen unless they are named,
    /// never recorded, never removed.
    pub fn unknown(&self) -> &[RestorePoint] {
        &self.unknown
    }

    /// Whether this file is one of them.
    pub fn is_unknown(&self, file: &str) -> bool {
        self.unknown.iter().any(|unknown| unknown.file == file)
    }

    /// What can be chosen by its name: all files.
    pub fn all(&self) -> Vec<RestorePoint> {
        self.points.iter().chain(&self.unknown).cloned().collect()
    }

    /// Adopts the unknown files that `is_meant` selects: the caller states that they belong to the database.
    pub fn adopt_unknown(&mut self, is_meant: impl Fn(&str) -> bool) {
        let (adopted, unknown) = std::mem::take(&mut self.unknown).into_iter().partition(|point| is_meant(&point.file));
        self.unknown = unknown;
        self.points.extend::<Vec<_>>(adopted);
        place_unrecorded(&mut self.points);
        sort(&mut self.points);
    }

    /// The restore points that are not meant may be another database's.
    fn set_aside(&mut self, is_meant: impl Fn(&RestorePoint) -> bool) {
        let (points, aside) = std::mem::take(&mut self.points).into_iter().partition(is_meant);
        self.points = points;
        self.unknown.extend::<Vec<_>>(aside);
        sort(&mut self.unknown);
    }

    /// The newest verified backup, ignoring the clocks.
    pub fn newest_backup(&self) -> Option<&RestorePoint> {
        self.points.iter().find(|point| point.kind == Kind::Backup && point.is_verified())
    }

    /// The database that owns the restore points; `None`: not recorded yet.
    pub fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// The stamp of the database when the newest backup was made.
    pub fn source(&self) -> Option<&SourceStamp> {
        self.source.as_ref()
    }

    /// Records the stamp of the database as of the newest backup.
    pub fn set_source(&mut self, stamp: SourceStamp) {
        self.source = Some(stamp);
    }

    /// The path of the database: the next publication records how full its volume is.
    pub fn note_database(&mut self, database: &Path) {
        self.database = Some(database.to_path_buf());
    }

    /// What the retention rules will keep, if that is known: the next publication records it.
    pub fn note_forecast(&mut self, forecast: Option<status::Forecast>) {
        self.forecast = Some(forecast);
    }

    /// Adds a restore point as the newest, or replaces what is known about its file.
    pub fn insert(&mut self, mut point: RestorePoint) {
        let known = self.points.iter().find(|known| known.file == point.file).map(|known| known.sequence);
        let last = self.points.iter().map(|point| point.sequence).max().unwrap_or(0);
        point.sequence = known.unwrap_or(last + 1);
        self.remove(&point.file);
        self.points.push(point);
        sort(&mut self.points);
    }

    /// Forgets a restore point. The file is the caller's to remove.
    pub fn remove(&mut self, file: &str) {
        self.points.retain(|point| point.file != file);
    }

    /// Reads back every file of the database that has no row yet (made by a run that was killed before it could record
    /// it), so that what is published is complete. An encrypted one takes an identity: `verify` records it.
    pub fn record_unrecorded(&mut self, folder: &Path, now: Timestamp) {
        for point in
            self.points.iter_mut().filter(|point| !point.is_recorded() && !point.encrypted && point.error.is_none())
        {
            tracing::info!(file = point.file, "reading back a file that is not recorded yet");
            scan::record(folder, point, now);
        }
    }

    /// Writes `catalog.db` durably, with the [`status`] that it has at this moment. The caller holds
    /// [`crate::lock::backups`].
    pub fn publish(&self, folder: &Path, now: Timestamp) -> Result<()> {
        self.write(folder, None, now)
    }

    /// Called before a file gets its `name`: a process killed before the next publication leaves a file that is known
    /// to be the database's. A whole publication would be most of what the backup of a small database costs; it is made
    /// where it has more to say than the name.
    pub fn announce(&self, folder: &Path, name: &str, now: Timestamp) -> Result<()> {
        let recorded = rows::read(&folder.join(FILE))?;
        let has_row = |point: &RestorePoint| recorded.points.iter().any(|row| row.file == point.file);
        let id = |owner: Option<&Owner>| owner.map(|owner| owner.id);
        let is_owned = self.owner.is_some() && id(self.owner()) == id(recorded.owner());
        if is_owned && self.points.iter().all(has_row) {
            let _one_writer = lock::publication(folder, PUBLICATION_WAIT)?;
            return announcement::write(folder, name);
        }
        self.write(folder, Some(name), now)
    }

    /// The same, for a caller without a catalog.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn announce_in(folder: &Path, name: &str, now: Timestamp) -> Result<()> {
        Self::read(folder)?.announce(folder, name, now)
    }

    fn write(&self, folder: &Path, announced: Option<&str>, now: Timestamp) -> Result<()> {
        let _one_writer = lock::publication(folder, PUBLICATION_WAIT)?;
        let path = folder.join(FILE);
        let mut status = rows::read(&path)?.status;
        status.note_room(Place::Backup, folder, now);
        if let Some(database) = &self.database {
            status.note_room(Place::Data, database, now);
        }
        if let Some(forecast) = &self.forecast {
            status.set_forecast(forecast.clone());
        }
        let (points, unrecorded) = self.points.iter().cloned().partition::<Vec<_>, _>(rows::has_row);
        let unrecorded = unrecorded.into_iter().map(|point| point.file);
        let recorded = rows::Recorded {
            points,
            announced: unrecorded.chain(announced.map(str::to_owned)).collect(),
            publication: Some(rows::publication(now, self.source.clone().map(|stamp| stamp.0), self.owner.clone())),
            status,
        };
        publish_image(&rows::image(&recorded, &path)?, &path)
    }
}

/// What was read of a backup folder. Where there are `others` to restore from, one that cannot be listed is left aside, and
/// that is said: on an empty cluster there is no backup volume.
///
/// # Errors
/// Those of `read` that are not left aside.
pub fn unless_away<T>(read: Result<T>, others: bool) -> Result<Option<T>> {
    match read {
        Err(error) if error.code() == Code::OutOfReach && others => {
            tracing::warn!(error = error.chain(), "the backups are left aside");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// The caller holds [`crate::lock::publication`].
fn publish_image(image: &[u8], path: &Path) -> Result<()> {
    const LABEL: &str = "catalog";
    let temporary = temporary(files::folder_of(path), FILE);
    files::remove(LABEL, &temporary)?;
    let writer = Writer::create_shared(LABEL, &temporary)?;
    writer.write_at(image, 0)?;
    files::remove_sidecars(LABEL, path)?;
    files::publish(LABEL, writer, path)
}

/// The temporary name under which `name` is made in `folder`.
pub fn temporary(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{name}"))
}

/// A file of another size is another file, however valid: to take it for a new one would certify it under the old name.
fn held_to_its_size(mut row: RestorePoint, bytes: u64) -> RestorePoint {
    if row.bytes != bytes {
        row.error = Some(format!("the file has {bytes} bytes where {} were written", row.bytes));
    }
    row
}

/// It is unknown when a file without a row was made: it is ordered by its instant, and never counts as newer than
/// what was recorded since.
fn place_unrecorded(points: &mut [RestorePoint]) {
    let placed: Vec<_> = points.iter().map(|point| (point.created_at, point.sequence)).collect();
    for point in points.iter_mut().filter(|point| point.sequence == 0) {
        let before = placed.iter().filter(|(at, _)| *at <= point.created_at);
        point.sequence = before.map(|(_, sequence)| *sequence).max().unwrap_or(0);
    }
}

fn sort(points: &mut [RestorePoint]) {
    points.sort_by(|a, b| b.recency().cmp(&a.recency()));
}

#[cfg(test)]
mod tests;
