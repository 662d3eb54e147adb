//! Restores the newest point of every source into scratch space, verifies it and times it, and writes the outcome to
//! the catalog: an upload is not a restore, and the age of the last good rehearsal is the alarm that matters.
//!
//! ```text
//! each source ── restore into scratch, as at a disaster (timed) ── read it back against what the source recorded ── catalog
//! ```

mod scratch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::catalog::status::{self, Outcome, Rehearsal};
use disk::catalog::{self, Catalog};
use disk::progress::Progress;
use disk::read_back;
use jiff::Timestamp;
use pra_core::checksum::Checksum;
use pra_core::point::Point;
use pra_core::{Code, Error, Result};

use crate::encrypted::{self, Keys};
use crate::remote::{self, Access};
use crate::restore::{self, LOCK_LIMIT, Mode, Report};

use scratch::Scratch;

/// The source name of the backup folder.
pub const BACKUP: &str = "backup";

/// What to rehearse, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The backup folder, whose catalog records the outcome.
    pub backups: PathBuf,
    /// The identity that decrypts backups. If it is given, an unencrypted backup is refused.
    pub keys: Keys,
    /// The replicas, where there are any.
    pub access: Option<Access>,
    /// The database, whose owner may remove what a killed rehearsal left.
    pub database: PathBuf,
    /// A folder with room for the database; what is made there is removed again.
    pub scratch: PathBuf,
    /// Longest wait for a lock.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// Rehearses every source, and records how each went. That one failed is an outcome, not an error.
///
/// # Errors
/// [`Code::NotFound`] where there is nothing to rehearse; where the scratch space or the catalog cannot be
/// written.
pub fn run(options: &Options) -> Result<Vec<Rehearsal>> {
    let Options { backups, access, scratch, .. } = options;
    let mut rehearsals = Vec::new();
    if has_backups(backups, access.is_some())? {
        rehearsals.push(one(options, BACKUP, None)?);
    }
    if let Some(access) = access {
        for url in &access.replicas {
            rehearsals.push(one(options, &url.to_string(), Some(access.only(url)))?);
        }
    }
    if rehearsals.is_empty() {
        return Err(Error::new(
            Code::NotFound,
            format!("there is nothing to rehearse: '{}' has no backups, and no replica was named", backups.display()),
        )
        .hint("`backup-job backup` makes a backup, --replica names a replica"));
    }
    Scratch::remove_leftovers(scratch)?;
    record(backups, options.now, &rehearsals)?;
    Ok(rehearsals)
}

/// Whether the folder is a source at all; on an empty cluster with a replica it need not be there.
fn has_backups(backups: &Path, has_replicas: bool) -> Result<bool> {
    let catalog = catalog::unless_away(Catalog::read(backups), has_replicas)?;
    Ok(catalog.is_some_and(|catalog| !catalog.points().is_empty()))
}

fn one(options: &Options, source: &str, access: Option<Access>) -> Result<Rehearsal> {
    let at = disk::clock::now();
    let started = Instant::now();
    let scratch = Scratch::new(&options.scratch, &options.database)?;
    let restored = restore(options, &scratch, access.clone());
    let seconds = started.elapsed().as_secs_f64();
    let mut rehearsal = Rehearsal {
        at,
        source: source.to_owned(),
        outcome: Outcome::Good,
        point: None,
        point_at: None,
        seconds,
        bytes: None,
        events: None,
        error: None,
    };
    let checked = restored.and_then(|report| {
        rehearsal.point = Some(report.point.clone());
        rehearsal.point_at = report.reached.parse().ok();
        check(options, &report, &scratch)
    });
    match checked {
        Ok(checked) => {
            for warning in &checked.warnings {
                tracing::warn!(source, warning, "what is restored is as sound as the database, which has this");
            }
            rehearsal.bytes = Some(checked.shape.bytes());
            rehearsal.events = checked.events;
        }
        Err(error) if error.code() == Code::Stopped => return Err(error),
        Err(error) => match unopened(options, &error, access.as_ref()) {
            Some(Ok(words)) => {
                rehearsal.outcome = Outcome::NotRehearsed;
                rehearsal.error = Some(words);
            }
            gone_wrong => {
                let error = gone_wrong.and_then(Result::err).unwrap_or(error);
                rehearsal.outcome = Outcome::Failed;
                rehearsal.error = Some(error.chain());
            }
        },
    }
    let Rehearsal { outcome, point, error, .. } = &rehearsal;
    tracing::info!(source, outcome = outcome.as_str(), point, seconds, error, "rehearsed");
    Ok(rehearsal)
}

/// Restores the newest point into the scratch space, as on an empty volume.
fn restore(options: &Options, scratch: &Scratch, access: Option<Access>) -> Result<Report> {
    restore::run(&restore::Options {
        database: scratch.database(),
        // A replica alone: the backups are a source of their own.
        backups: if access.is_some() { scratch.no_backups() } else { options.backups.clone() },
        point: Point::Latest,
        mode: Mode::Replace,
        accept_503: false,
        lock_limit: LOCK_LIMIT,
        wait: options.wait,
        now: options.now,
        keys: options.keys.clone(),
        recipients: None,
        access,
        accept_unreachable: false,
        adopt_backups: false,
    })
}

/// Reads back what was restored, and compares it with the catalog's record. (A replica's files carry their own
/// checksums: the restore has checked them.)
fn check(options: &Options, report: &Report, scratch: &Scratch) -> Result<read_back::Checked> {
    let checked = read_back::check(&scratch.database(), &Progress::none())?;
    let failed = |what: String| {
        Error::new(Code::Damaged, format!("{}, restored, is not what was backed up: {what}", report.point))
            .hint("rehearse it again; if that fails too, choose another restore point until it is understood")
    };
    if let Some(problem) = &checked.problem {
        return Err(failed(problem.clone()));
    }
    let catalog = Catalog::read(&options.backups).unwrap_or_default();
    let Some(point) = catalog.points().iter().find(|point| point.file == report.point) else { return Ok(checked) };
    let content = checked.checksums.content;
    if point.content_checksum != Checksum::NONE && point.content_checksum != content {
        return Err(failed(format!("its content is {content}, {} is recorded", point.content_checksum)));
    }
    if point.events != checked.events {
        return Err(failed(format!("it has {:?} events, {:?} are recorded", checked.events, point.events)));
    }
    Ok(checked)
}

/// The outcome for an encrypted source without an identity: it is checked as far as possible. `None` where the error is
/// another one.
fn unopened(options: &Options, error: &Error, access: Option<&Access>) -> Option<Result<String>> {
    if error.code() != Code::Usage || options.keys.given() {
        return None;
    }
    Some(match access {
        Some(access) => remote::check_unopened(access).map(|(files, bytes)| {
            format!(
                "it is encrypted, and no identity was given: its {files} files ({bytes} bytes) are there without a gap"
            )
        }),
        None => check_unopened(&options.backups).map(|file| {
            format!("{file} is encrypted, and no identity was given: its bytes are those that were written")
        }),
    })
}

/// The newest backup, unchanged since it was written.
fn check_unopened(backups: &Path) -> Result<String> {
    let catalog = Catalog::read(backups)?;
    let newest = catalog
        .newest_backup()
        .ok_or_else(|| Error::new(Code::NotFound, format!("'{}' has no verified backup", backups.display())))?;
    encrypted::require_unchanged(&backups.join(&newest.file), newest, &Progress::none())?;
    Ok(newest.file.clone())
}

/// In a folder that is mounted read-only nothing is recorded.
fn record(backups: &Path, now: Timestamp, rehearsals: &[Rehearsal]) -> Result<()> {
    let told = status::update(backups, now, |status| {
        rehearsals.iter().cloned().for_each(|rehearsal| status.add_rehearsal(rehearsal));
    });
    told.map_err(|error| error.hint("what was rehearsed is printed, but the application and the alarms do not know it"))
}

#[cfg(test)]
mod tests;
