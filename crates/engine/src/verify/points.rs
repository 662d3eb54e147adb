//! Verifies restore points of a backup folder and records the outcome in the catalog.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::catalog::{Catalog, owner};
use disk::progress::Progress;
use disk::read_back::{self, Checked};
use disk::{lock, stop};
use jiff::Timestamp;
use pra_core::checksum::Checksums;
use pra_core::naming::Kind;
use pra_core::point::{self, Point};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use crate::encrypted::{self, Keys};

/// What to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backup folder.
    pub backups: PathBuf,
    /// Which ones; none means all.
    pub points: Vec<Point>,
    /// The identity for encrypted ones; without it their encrypted bytes are compared.
    pub keys: Keys,
    /// The database whose backups they are; it need not be there. Beside it an encrypted file is opened that the
    /// catalog knows nothing of.
    pub database: PathBuf,
    /// Longest wait for the folder's lock, for the moment of recording.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
    /// The backups in the folder belong to this database, although they name another database, or none.
    pub adopt_backups: bool,
}

/// The outcome of one restore point.
#[derive(Debug)]
pub struct Outcome {
    /// Name in the backup folder.
    pub file: String,
    /// Why it was made.
    pub kind: Kind,
    /// Instant of the snapshot.
    pub created_at: Timestamp,
    /// How long reading it back took; hard links of one file are read once.
    pub seconds: f64,
    /// What is wrong with it.
    pub error: Option<Error>,
    /// Whether the file is encrypted.
    pub encrypted: bool,
    /// Why an encrypted one was not opened: then it was compared with its checksum as it lies there, where one is
    /// recorded, which says that nothing has happened to it since, and no more.
    pub unopened: Option<Error>,
    /// What SQLite's checks report that is not damage.
    pub warnings: Vec<String>,
    /// Whether the catalog does not know it: then nothing is recorded.
    pub unknown: bool,
    /// What was found in an encrypted file that the catalog knew nothing of.
    found: Option<Checked>,
}

impl Outcome {
    /// Whether it was read back, and is what was recorded.
    pub fn is_verified(&self) -> bool {
        self.error.is_none() && self.unopened.is_none()
    }
}

/// Reads the restore points back from the disk, newest first. Damage is an [`Outcome`], not an error.
///
/// # Errors
/// [`Code::NotFound`] where a point asked for is not there; [`Code::Usage`] where the folder is another
/// database's, or something encrypted is there and
/// the identity cannot be read; what keeps the catalog from being written, except
/// for a folder that is mounted read-only.
pub fn run(options: &Options) -> Result<Vec<Outcome>> {
    let Options { backups, points, keys, database, now, adopt_backups, .. } = options;
    let catalog = Catalog::read_as_own(backups, *adopt_backups)?;
    owner::require_unless_away(&catalog, database, backups, *adopt_backups)?;
    let chosen = choose(&catalog, points, *now)?;
    if chosen.iter().any(|point| point.encrypted) {
        keys.identities()?;
    }
    let mut read = HashMap::new();
    let outcomes: Vec<Outcome> = chosen
        .iter()
        .map(|point| Outcome { unknown: catalog.is_unknown(&point.file), ..verify(options, point, &mut read) })
        .collect();
    // Nothing was found out about what was not read to its end.
    stop::check()?;
    record(options, &outcomes)?;
    Ok(outcomes)
}

fn choose(catalog: &Catalog, points: &[Point], now: Timestamp) -> Result<Vec<RestorePoint>> {
    if points.is_empty() {
        return Ok(catalog.points().to_vec());
    }
    let all = catalog.all();
    let one = |point: &Point| Ok(point::select(&all, point, now).map_err(no_such_point)?.clone());
    points.iter().map(one).collect()
}

/// The library's error for a point that names nothing.
pub fn no_such_point(error: point::SelectError) -> Error {
    let hint = error.hint();
    let error = Error::new(Code::NotFound, error.to_string());
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The library's error for a point that a replica does not have.
pub(super) fn no_such_point_in(replica: &str, point: &Point) -> Error {
    Error::new(Code::NotFound, format!("{replica} has no restore point '{point}'"))
        .hint("`backup-job list` shows what can be restored")
}

/// Device, inode and recorded checksums: what is the same file and held to the same record need not be read twice.
type Identity = (u64, u64, Checksums);

/// What reading a file back has shown.
#[derive(Debug, Default)]
struct Shown {
    error: Option<Error>,
    unopened: Option<Error>,
    warnings: Vec<String>,
    found: Option<Checked>,
}

/// What was found in a file: the damage, and the warnings.
type Found = (Option<String>, Vec<String>);

fn verify(options: &Options, point: &RestorePoint, read: &mut HashMap<Identity, Found>) -> Outcome {
    let started = Instant::now();
    let path = options.backups.join(&point.file);
    let identity = std::fs::metadata(&path).ok().map(|m| (m.dev(), m.ino(), point.checksums()));
    let known = identity.and_then(|identity| read.get(&identity).cloned());
    let shown = match known {
        Some((damage, warnings)) => {
            let error = damage.map(|message| Error::new(Code::Damaged, message));
            Shown { error, warnings, ..Shown::default() }
        }
        None => {
            let shown = show(options, point, &path);
            if let (Some(identity), None) = (identity, &shown.unopened) {
                read.insert(identity, (shown.error.as_ref().map(Error::to_string), shown.warnings.clone()));
            }
            shown
        }
    };
    let Shown { error, unopened, warnings, found } = shown;
    let seconds = started.elapsed().as_secs_f64();
    let (file, kind, created_at, encrypted) = (point.file.clone(), point.kind, point.created_at, point.encrypted);
    Outcome { file, kind, created_at, seconds, error, encrypted, unopened, warnings, unknown: false, found }
}

/// From the disk, not from memory: that is where it would be restored from.
fn show(options: &Options, point: &RestorePoint, path: &Path) -> Shown {
    let progress = Progress::bytes("verifying", point.bytes);
    let shown = read_back::forget_cached(path).and_then(|()| match point.encrypted {
        true => open_encrypted(options, point, path, &progress),
        false => read_back::against(path, point, &progress)
            .map(|checked| Shown { warnings: checked.warnings, ..Shown::default() }),
    });
    match shown {
        Ok(shown) => shown,
        // Nothing is wrong with it, as far as that shows.
        Err(error) if point.encrypted && error.code() == Code::Usage => {
            Shown { unopened: Some(error), ..Shown::default() }
        }
        Err(error) => Shown { error: Some(error), ..Shown::default() },
    }
}

/// A file that is recorded is opened as a stream: what is in it was checked by SQLite when it was encrypted, and is the
/// same to the byte or not. Nothing is written anywhere.
fn open_encrypted(options: &Options, point: &RestorePoint, path: &Path, progress: &Progress) -> Result<Shown> {
    let Options { backups, keys, database, .. } = options;
    let Some(identities) = keys.identities()? else {
        let so_far = match encrypted::require_unchanged(path, point, progress)? {
            true => "its bytes are those that were written",
            false => "the catalog does not know it",
        };
        let unopened = keys.require(true, format_args!("'{}' is encrypted; {so_far}", path.display()), "").err();
        return Ok(Shown { unopened, ..Shown::default() });
    };
    if !point.is_recorded() {
        let (_, checked) = encrypted::open_beside(database, backups, point, keys)?;
        return Ok(Shown { warnings: checked.warnings.clone(), found: Some(checked), ..Shown::default() });
    }
    let file = std::fs::File::open(path).map_err(|e| Error::io("open", path, e))?;
    let opener = encrypted::blame(encrypted::opened(&identities, file, path), path, point)?;
    let (shape, checksums) = encrypted::sum(opener, path, progress)?;
    let warnings = point.warnings.clone();
    let checked = Checked { shape, checksums, events: point.events, problem: None, warnings };
    read_back::compare(&checked, path, point)?;
    Ok(Shown { warnings: checked.warnings, ..Shown::default() })
}

/// The lock is held for the recording only: reading everything back takes long, and backups go on meanwhile.
fn record(options: &Options, outcomes: &[Outcome]) -> Result<()> {
    let Options { backups, wait, adopt_backups, .. } = options;
    let now = options.now;
    let _one_writer = match lock::backups(backups, *wait) {
        Ok(lock) => lock,
        Err(error) if is_read_only(&error) => {
            tracing::warn!("the backup folder is read-only: what was found is not recorded in the catalog");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut catalog = Catalog::read(backups)?;
    if *adopt_backups {
        catalog.adopt_unknown(|file| outcomes.iter().any(|outcome| outcome.file == file));
    }
    for outcome in outcomes {
        let Some(point) = catalog.points().iter().find(|point| point.file == outcome.file) else { continue };
        let mut point = point.clone();
        match (&outcome.error, &outcome.unopened) {
            (Some(error), _) => point.error = Some(error.to_string()),
            (None, Some(_)) => continue,
            (None, None) => {
                point.verified_at = Some(now);
                point.error = None;
                point.warnings.clone_from(&outcome.warnings);
            }
        }
        if let Some(Checked { shape, checksums, events, .. }) = &outcome.found {
            point.page_size = shape.page_size;
            point.pages = shape.pages;
            point.events = *events;
            point.content_checksum = checksums.content;
            point.ltx_checksum = checksums.ltx;
        }
        catalog.insert(point);
    }
    catalog.record_unrecorded(backups, now);
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
    use pra_core::checksum::Checksum;

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
        catalog.record_unrecorded(folder.path(), now);
        let mut other = catalog.points().iter().find(|point| point.file == first).unwrap().clone();
        other.content_checksum = Checksum::from(other.content_checksum.get() ^ 1);
        catalog.insert(other);
        catalog.publish(folder.path(), now).unwrap();

        let backups = folder.path().to_owned();
        let outcomes = run(&Options {
            database: folder.path().join("app.db"),
            backups,
            points: Vec::new(),
            keys: Keys::default(),
            wait: Duration::ZERO,
            now,
            adopt_backups: false,
        })
        .unwrap();
        let good: Vec<_> = outcomes.iter().map(|one| (one.file.as_str(), one.error.is_none())).collect();
        assert_eq!(good, [(second, true), (first, false)]);
    }
}
