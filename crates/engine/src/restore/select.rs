//! The source of the restore point: the backup folder or a replica, the one nearest to the requested point.

use disk::catalog::{self, Catalog};
use disk::progress::Progress;
use disk::read_back;
use disk::scratch::Scratch;
use jiff::Timestamp;
use pra_core::naming::Kind;
use pra_core::point::{self, Point};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use super::Options;
use super::new_file;
use super::source::{Folder, Source};
use crate::remote::{self, Access, Choice};
use crate::verify::points::no_such_point;

/// A restore point, read back and verified.
pub(super) struct Selected {
    pub(super) point: RestorePoint,
    pub(super) source: Source,
    /// Where it came from, if from a replica.
    pub(super) choice: Option<Choice>,
}

/// Finds the restore point and verifies it; one from a replica is fetched beside the database.
///
/// # Errors
/// As [`super::plan`].
pub(super) fn select(options: &Options) -> Result<Selected> {
    let Some(access) = options.access.as_ref().filter(|_| !matches!(options.point, Point::File(_))) else {
        let (catalog, point) = backup(options)?;
        let mut source = Source::open(folder(options), &point, &catalog)?;
        if catalog.is_unknown(&point.file) {
            let warning = format!("the catalog does not know {}: it may be another database's", point.file);
            source.warnings.insert(0, warning);
        }
        return Ok(Selected { point, source, choice: None });
    };
    if let Point::Instant(asked) = options.point
        && asked > options.now
    {
        return Err(Error::new(Code::NotFound, format!("{asked} is in the future, it is {}", options.now))
            .hint("latest chooses the newest"));
    }
    let choice = newest(access, &options.point, options.now, options.accept_unreachable)?;
    let backup = match &options.point {
        Point::Transaction(..) => None,
        _ => match catalog::unless_away(backup(options), choice.is_some()) {
            Err(error) if error.code() == Code::NotFound => None,
            found => found?,
        },
    };
    match (choice, backup) {
        (Some(choice), Some((_, point))) if choice.at >= point.created_at => fetched(options, access, choice),
        (Some(choice), None) => fetched(options, access, choice),
        (_, Some((catalog, point))) => {
            let source = Source::open(folder(options), &point, &catalog)?;
            Ok(Selected { point, source, choice: None })
        }
        (None, None) => Err(Error::new(
            Code::NotFound,
            format!(
                "neither the replicas nor '{}' have a restore point '{}'",
                options.backups.display(),
                options.point
            ),
        )
        .hint("`backup-job list` shows what there is")),
    }
}

fn folder(options: &Options) -> Folder<'_> {
    Folder { backups: &options.backups, keys: &options.keys, database: &options.database }
}

fn backup(options: &Options) -> Result<(Catalog, RestorePoint)> {
    let catalog = Catalog::read_as_own(&options.backups, options.adopt_backups)?;
    let named;
    let points = match options.point {
        Point::File(_) => {
            named = catalog.all();
            &named
        }
        _ => catalog.points(),
    };
    let point = point::select(points, &options.point, options.now).map_err(no_such_point)?.clone();
    let last =
        catalog.newest_backup().filter(|last| options.point == Point::Latest && last.recency() > point.recency());
    if let Some((last, suspicion)) = last.and_then(|last| Some((last, last.suspicion(options.now)?))) {
        tracing::warn!(backup = last.file, suspicion, "the last backup is not chosen unless it is named");
    }
    Ok((catalog, point))
}

/// The newest match of the requested point in any replica.
///
/// # Errors
/// Where a replica is out of reach and that is not accepted, and where what it has is not whole. That it has nothing so
/// old is only an error where no other has it.
pub(crate) fn newest(
    access: &Access,
    point: &Point,
    now: Timestamp,
    accept_unreachable: bool,
) -> Result<Option<Choice>> {
    let mut newest: Option<Choice> = None;
    let mut missing = None;
    for survey in access.surveys(accept_unreachable)? {
        match remote::choose(access, &survey, point, now) {
            Ok(Some(choice)) if newest.as_ref().is_none_or(|newest| choice.at > newest.at) => newest = Some(choice),
            Ok(_) => {}
            Err(error) if error.code() == Code::NotFound => missing = Some(error),
            // What is encrypted and cannot be opened is out of reach too.
            Err(error) if matches!(error.code(), Code::OutOfReach | Code::Usage) && accept_unreachable => {
                tracing::warn!(error = error.chain(), "the replica is left aside");
            }
            Err(error) => return Err(error),
        }
    }
    match (newest, missing) {
        (None, Some(error)) if matches!(point, Point::Transaction(..)) => Err(error),
        (newest, missing) => {
            if let (None, Some(error)) = (&newest, missing) {
                tracing::info!(error = error.chain(), "no replica has it");
            }
            Ok(newest)
        }
    }
}

fn fetched(options: &Options, access: &Access, choice: Choice) -> Result<Selected> {
    choice.identity_at(&options.database)?;
    let (scratch, point, choice) = fetch(access, choice, &options.database)?;
    let source = Source::fetched(scratch, &point)?;
    Ok(Selected { point: RestorePoint { events: source.events, ..point }, source, choice: Some(choice) })
}

/// Fetches a restore point beside `database` and verifies it as every backup is: each byte, as it lies on the disk, and
/// `integrity_check`.
///
/// # Errors
/// As [`remote::fetch`], and [`Code::Damaged`] where the database was damaged when it was replicated.
pub(crate) fn fetch(
    access: &Access,
    choice: Choice,
    database: &std::path::Path,
) -> Result<(Scratch, RestorePoint, Choice)> {
    let started = std::time::Instant::now();
    let (scratch, writer) = Scratch::create(database)?;
    let choice = remote::fetch(access, choice, &writer)?;
    new_file::set_journal_mode(&writer, false)?;
    let bytes = writer.file().metadata().map_err(|e| Error::io("look at", scratch.path(), e))?.len();
    let progress = Progress::bytes("verifying", bytes);
    let checked = read_back::check_written(scratch.path(), &progress, || writer.sync())?;
    if let Some(problem) = &checked.problem {
        return Err(Error::new(
            Code::Damaged,
            format!("{} of {} is damaged: {problem}", choice.name(), choice.replica()),
        )
        .hint("the database was damaged before it was replicated: choose an earlier point"));
    }
    let point = RestorePoint {
        page_size: checked.shape.page_size,
        pages: checked.shape.pages,
        events: checked.events,
        content_checksum: checked.checksums.content,
        ltx_checksum: checked.checksums.ltx,
        warnings: checked.warnings,
        verified_at: Some(disk::clock::now()),
        seconds: started.elapsed().as_secs_f64(),
        ..RestorePoint::unrecorded(choice.name(), Kind::Replica, choice.at, checked.shape.bytes())
    };
    Ok((scratch, point, choice))
}
