//! Verifies restore points of a backup folder and records the outcome in the catalog.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::lock;
use crate::model::checksum::Checksums;
use crate::model::naming::Kind;
use crate::model::point::{self, Point};
use crate::model::restore_point::RestorePoint;
use crate::progress::Progress;

/// What to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backup folder.
    pub backups: PathBuf,
    /// Which ones; none means all.
    pub points: Vec<Point>,
    /// Longest wait for the folder's lock, for the moment of recording.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// How one restore point did.
#[derive(Debug)]
pub struct Outcome {
    /// Name in the backup folder.
    pub file: String,
    /// Why it was made.
    pub kind: Kind,
    /// How long reading it back took; hard links of one file are read once.
    pub seconds: f64,
    /// What is wrong with it.
    pub error: Option<Error>,
}

/// Reads the restore points back from the disk, newest first. Damage is an [`Outcome`], not an error.
///
/// # Errors
/// [`Code::NoSuchRestorePoint`] where a point asked for is not there; what keeps the catalog from being written, except
/// for a folder that is mounted read-only.
pub fn run(options: &Options) -> Result<Vec<Outcome>> {
    let Options { backups, points, wait, now } = options;
    let catalog = Catalog::read(backups)?;
    let chosen = choose(catalog.points(), points, *now)?;
    let mut read = HashMap::new();
    let outcomes: Vec<Outcome> = chosen.iter().map(|point| verify(backups, point, &mut read)).collect();
    record(backups, &outcomes, *wait, *now)?;
    Ok(outcomes)
}

fn choose(all: &[RestorePoint], points: &[Point], now: Timestamp) -> Result<Vec<RestorePoint>> {
    if points.is_empty() {
        return Ok(all.to_vec());
    }
    points.iter().map(|point| Ok(point::select(all, point, now).map_err(no_such_point)?.clone())).collect()
}

/// The library's error for a point that names nothing.
pub fn no_such_point(error: point::SelectError) -> Error {
    let hint = error.hint();
    let error = Error::new(Code::NoSuchRestorePoint, error.to_string());
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Device, inode and recorded checksums: what is the same file and held to the same record need not be read twice.
type Identity = (u64, u64, Checksums);

fn verify(backups: &Path, point: &RestorePoint, read: &mut HashMap<Identity, Option<String>>) -> Outcome {
    let started = Instant::now();
    let path = backups.join(&point.file);
    let identity = std::fs::metadata(&path).ok().map(|m| (m.dev(), m.ino(), point.checksums()));
    let known = identity.and_then(|identity| read.get(&identity).cloned());
    let error = match known {
        Some(outcome) => outcome.map(|message| Error::new(Code::VerificationFailed, message)),
        None => {
            let progress = Progress::bytes("verifying", point.bytes);
            // From the disk, not from memory: that is where it would be restored from.
            let error = super::forget_cached(&path).and_then(|()| super::against(&path, point, &progress)).err();
            if let Some(identity) = identity {
                read.insert(identity, error.as_ref().map(Error::to_string));
            }
            error
        }
    };
    Outcome { file: point.file.clone(), kind: point.kind, seconds: started.elapsed().as_secs_f64(), error }
}

/// The lock is held for the recording only: reading everything back takes long, and backups go on meanwhile.
fn record(backups: &Path, outcomes: &[Outcome], wait: Duration, now: Timestamp) -> Result<()> {
    let _one_writer = match lock::backups(backups, wait) {
        Ok(lock) => lock,
        Err(error) if is_read_only(&error) => {
            tracing::warn!("the backup folder is read-only: what was found is not recorded in the catalog");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut catalog = Catalog::read(backups)?;
    for outcome in outcomes {
        let Some(point) = catalog.points().iter().find(|point| point.file == outcome.file) else { continue };
        let mut point = point.clone();
        match &outcome.error {
            None => {
                point.verified_at = Some(now);
                point.error = None;
            }
            Some(error) => point.error = Some(error.to_string()),
        }
        catalog.insert(point);
    }
    catalog.record_strangers(backups, now);
    catalog.publish(backups, now)
}

fn is_read_only(error: &Error) -> bool {
    std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>()).is_some_and(|io| {
        matches!(io.kind(), std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checksum::Checksum;

    #[test]
    fn hard_links_of_one_file_are_each_held_to_their_own_record() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2025-01-10T12:00:00Z".parse().unwrap();
        let (first, second) = ("backup-2025-01-10-11-00.db", "backup-2025-01-10-11-01.db");
        let database = rusqlite::Connection::open(folder.path().join(first)).unwrap();
        database.execute_batch("CREATE TABLE t(x)").unwrap();
        drop(database);
        std::fs::hard_link(folder.path().join(first), folder.path().join(second)).unwrap();
        let mut catalog = Catalog::read(folder.path()).unwrap();
        catalog.record_strangers(folder.path(), now);
        let mut other = catalog.points().iter().find(|point| point.file == first).unwrap().clone();
        other.content_checksum = Checksum::from(other.content_checksum.get() ^ 1);
        catalog.insert(other);
        catalog.publish(folder.path(), now).unwrap();

        let backups = folder.path().to_owned();
        let outcomes = run(&Options { backups, points: Vec::new(), wait: Duration::ZERO, now }).unwrap();
        let good: Vec<_> = outcomes.iter().map(|one| (one.file.as_str(), one.error.is_none())).collect();
        assert_eq!(good, [(second, true), (first, false)]);
    }
}
