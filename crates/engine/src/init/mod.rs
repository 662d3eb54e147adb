//! Makes the database exist: kept, restored from the newest verified backup, or new.
//!
//! | database | backups | outcome |
//! |---|---|---|
//! | has tables | any | kept |
//! | damaged | any | an error: it is not overwritten without being asked |
//! | missing, 0 bytes, no tables | the folder cannot be listed | an error: out of reach is not empty |
//! | missing, 0 bytes, no tables | the newest is good | restored |
//! | missing, 0 bytes, no tables | the newest is bad, an older one good | an error, unless the loss is accepted |
//! | missing, 0 bytes, no tables | the newest is ahead of the clock | an error, unless the loss is accepted |
//! | missing, 0 bytes, no tables | some, none good; or only safety copies | an error: never an empty application |
//! | missing, 0 bytes, no tables | none | left to the application; created where a schema is given |
//!
//! With replicas the newest of all sources is taken (a backup that is ahead of the clock is none), one out of reach is
//! an error, and "none" must be said once (`--first-install`).

mod create;
mod fill;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::catalog::{self, Catalog, owner};
use disk::identity::Identity;
use disk::{home, lock, scratch, sqlite};
use jiff::Timestamp;
use pra_core::naming::Kind;
use pra_core::point::Point;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;
use serde::Serialize;
use store::beside::{self, Origin};
use store::epoch::Parent;

use crate::encrypted::Keys;
use crate::remote::Access;
use crate::restore::{self, Folder, Source};

/// The events application's schema.
pub const EVENTS_SCHEMA: &str = include_str!("../../../../components/events/schema.sql");

/// What to make, and from what.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// The backup folder.
    pub backups: PathBuf,
    /// Statements that make an empty database the application's, such as [`EVENTS_SCHEMA`]; each may run twice. `None`:
    /// where there is no backup, the application makes its own database.
    pub schema: Option<String>,
    /// Does not change the journal mode of a database that is kept.
    pub keep_journal_mode: bool,
    /// Restores an older backup if the newest is damaged, and loses the changes in between.
    pub accept_older: bool,
    /// Longest wait for each lock.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
    /// Decides and verifies, and changes nothing.
    pub dry_run: bool,
    /// The identity that decrypts backups. If it is given, an unencrypted backup is refused.
    pub keys: Keys,
    /// The replicas, where there are any.
    pub access: Option<Access>,
    /// Goes on with the other sources where a replica is out of reach.
    pub accept_unreachable: bool,
    /// With replicas: all sources are empty, as expected at the first start.
    pub first_install: bool,
    /// The backups in the folder belong to this database, although they name another one.
    pub adopt_backups: bool,
}

/// What happened to the database, or would in a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has tables and stays as it is.
    Kept,
    /// It was empty or missing, and holds the restore point now.
    Restored,
    /// It was empty or missing and there is no backup: it has the schema now.
    Created,
    /// It is empty or missing and there is no backup: the application makes its own.
    Left,
}

/// What was done; `-o json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What happened to the database.
    pub outcome: Outcome,
    /// The database.
    pub database: PathBuf,
    /// The restore point's file, where one was restored.
    pub point: Option<String>,
    /// Its instant, RFC 3339.
    pub reached: Option<String>,
    /// Rows of the table `events`.
    pub events: Option<u64>,
    /// `wal`; another mode if it could not or should not be switched; `none` if there is no database yet.
    pub journal_mode: String,
    /// From start to end.
    pub seconds: f64,
    /// Backups that are newer than the one restored, and why they were passed over.
    pub skipped: Vec<Skipped>,
    /// What failed without stopping the run.
    pub warnings: Vec<String>,
}

/// A backup that was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Name in the backup folder.
    pub file: String,
    /// What is wrong with it.
    pub error: String,
}

/// Makes the database exist.
///
/// # Errors
/// [`Code::OutOfReach`] where the backup folder cannot be listed; [`Code::Damaged`] where there are backups
/// and none (or not the newest) is good, or where the database itself is damaged; [`Code::Busy`].
pub fn run(options: &Options) -> Result<Report> {
    let Options { database, wait, dry_run, .. } = options;
    let started = Instant::now();
    owner::require_apart(database, &options.backups)?;
    let finish = |report: Report| Ok(Report { seconds: started.elapsed().as_secs_f64(), ..report });
    {
        let _beside_others = lock::shared(database, *wait)?;
        if !*dry_run {
            scratch::remove_dead(database)?;
        }
        if let Some(kept) = keep(options)? {
            return finish(kept);
        }
    }
    let _alone = if *dry_run { lock::shared(database, *wait)? } else { lock::exclusive(database, *wait)? };
    // Another init may have been faster.
    if let Some(kept) = keep(options)? {
        return finish(kept);
    }
    match newest(options)? {
        Some(Newest { point, source, skipped, parent, identity }) => {
            if *dry_run {
                return finish(restored(options, &point, &source, skipped));
            }
            // Noted before and after: a crash in between leaves no note about another process's database. The place has
            // its id from the start, so after a crash in between its backups and its replica still know it.
            let is_replicated = options.access.is_some();
            let note = |content| Origin::of(database, parent, content)?.leave(database, is_replicated);
            let before = || {
                note(Some(source.checksums.content))?;
                identity.adopt(database)
            };
            if fill::fill(database, &source, *wait, before)? == fill::Filled::Done {
                let mut report = restored(options, &point, &source, skipped);
                if let Err(error) = note(None) {
                    report.warnings.push(format!("the replicator will not know the origin: {}", error.chain()));
                }
                return finish(report);
            }
            // Another process made tables before we had the lock: nothing was overwritten.
            match keep(options)? {
                Some(kept) => finish(kept),
                None => Err(Error::new(Code::Busy, format!("another process is writing to '{}'", database.display()))
                    .hint("run this again in a moment")),
            }
        }
        None => match &options.schema {
            Some(_) if *dry_run => finish(report(options, Outcome::Created, None, "wal")),
            None if *dry_run => finish(report(options, Outcome::Left, None, "none")),
            Some(schema) => {
                create::create(database, schema, *wait)?;
                finish(report(options, Outcome::Created, None, "wal"))
            }
            None => {
                create::clear(database)?;
                finish(report(options, Outcome::Left, None, "none"))
            }
        },
    }
}

/// The report for a database that has tables; `None` where it has none, or is not there.
fn keep(options: &Options) -> Result<Option<Report>> {
    let Options { database, keep_journal_mode, wait, dry_run, .. } = options;
    if !has_bytes(database)? {
        return Ok(None);
    }
    let failed = |e| {
        disk::sqlite::failed("read", database, e)
            .hint("the database is kept as it is: `backup-job restore` replaces it by a verified backup")
    };
    let connection = sqlite::open_live(database, *wait)?;
    if !sqlite::has_schema(&connection).map_err(failed)? {
        return Ok(None);
    }
    let events = sqlite::count_events(&connection).map_err(failed)?;
    let (mode, warning) = if *keep_journal_mode || *dry_run {
        (journal_mode(&connection).map_err(failed)?, None)
    } else {
        switch_to_wal(&connection, database)?
    };
    let mut report = report(options, Outcome::Kept, events, &mode);
    // Before the application changes it.
    if !*dry_run && let Err(error) = beside::settle_origin(database) {
        report.warnings.push(format!("the replicator will not know the origin: {}", error.chain()));
    }
    report.warnings.extend(warning);
    Ok(Some(report))
}

fn restored(options: &Options, point: &RestorePoint, source: &Source, skipped: Vec<Skipped>) -> Report {
    Report {
        point: Some(point.file.clone()),
        reached: Some(point.created_at.to_string()),
        skipped,
        warnings: source.warnings.clone(),
        ..report(options, Outcome::Restored, source.events, "wal")
    }
}

fn report(options: &Options, outcome: Outcome, events: Option<u64>, journal_mode: &str) -> Report {
    Report {
        outcome,
        database: options.database.clone(),
        point: None,
        reached: None,
        events,
        journal_mode: journal_mode.to_owned(),
        seconds: 0.0,
        skipped: Vec::new(),
        warnings: Vec::new(),
    }
}

/// What an empty database is restored from.
struct Newest {
    point: RestorePoint,
    source: Source,
    skipped: Vec<Skipped>,
    /// Where in a replica it is from.
    parent: Option<Parent>,
    /// Which database it is.
    identity: Identity,
}

/// The newest of all sources. A replica is asked first: normally it is newer than the last backup, and if it is out of
/// reach, its content is unknown.
fn newest(options: &Options) -> Result<Option<Newest>> {
    let Options { backups, access, now, accept_unreachable, .. } = options;
    let backup = || -> Result<Option<Newest>> {
        let catalog = read(options)?;
        let identity = identity(options, &catalog)?;
        let found = newest_good(options, &catalog)?;
        Ok(found.map(|(point, source, skipped)| Newest { point, source, skipped, parent: None, identity }))
    };
    let Some(access) = access else { return backup() };
    let choice = restore::newest(access, &Point::Latest, *now, *accept_unreachable)?;
    let Some(choice) = choice else {
        return match backup()? {
            None if !options.first_install => Err(Error::new(
                Code::NotFound,
                format!("neither the replicas nor '{}' have anything", backups.display()),
            )
            .hint("if this is the first start, say --first-install; else the bucket or its prefix may be mistyped")),
            found => Ok(found),
        };
    };
    // A damaged or missing backup is no reason not to start: the replica has something.
    let by_backups = match catalog::unless_away(read(options), true)? {
        Some(catalog) => identity(options, &catalog)?,
        None => Identity::Unknown,
    };
    let backup = has_newer(options, choice.at).and_then(|newer| if newer { backup() } else { Ok(None) });
    let backup = match backup {
        Ok(backup) => backup,
        // It is newer and may be good, but this process cannot open it.
        Err(error) if error.code() == Code::Usage => return Err(error),
        Err(error) => {
            tracing::warn!(error = error.chain(), "the backups are left aside");
            None
        }
    };
    if let Some(backup) = backup.filter(|backup| backup.point.created_at > choice.at) {
        return Ok(Some(backup));
    }
    if home::recorded_id(&options.database)?.is_none() && !choice.has_name_of(&options.database) {
        return Err(Error::new(
            Code::Usage,
            format!("{} is of a database with another name than '{}'", choice.replica(), options.database.display()),
        )
        .hint("name the database as it was with --database, or the right replica; `backup-job restore` makes a copy"));
    }
    let identity = choice.agree(&options.database, by_backups, backups)?;
    let (scratch, point, choice) = restore::fetch(access, choice, &options.database)?;
    let source = Source::fetched(scratch, &point)?;
    let parent = Some(Parent { epoch: choice.epoch, txid: choice.txid });
    Ok(Some(Newest { point, source, skipped: Vec::new(), parent, identity }))
}

fn read(options: &Options) -> Result<Catalog> {
    Catalog::read_as_own(&options.backups, options.adopt_backups)
}

/// Which database this is once it is restored.
fn identity(options: &Options, catalog: &Catalog) -> Result<Identity> {
    let Options { database, backups, adopt_backups, .. } = options;
    owner::require_for_empty(catalog, database, backups, *adopt_backups, true)
}

/// Whether there is a backup from after `at`: only then is one read, or opened. One that is ahead of the clock says
/// nothing of when it was made.
fn has_newer(options: &Options, at: Timestamp) -> Result<bool> {
    let catalog = read(options)?;
    let is_newer = |point: &RestorePoint| point.created_at > at && point.ahead(options.now).is_none();
    Ok(catalog.points().iter().any(|point| point.kind == Kind::Backup && is_newer(point)))
}

/// The newest backup that reads back as it was written, and what was passed over for it. `None`: no restore points at
/// all, by a complete listing.
fn newest_good(options: &Options, catalog: &Catalog) -> Result<Option<(RestorePoint, Source, Vec<Skipped>)>> {
    let Options { backups, database, keys, accept_older, .. } = options;
    let accept_older = *accept_older;
    let mut skipped = Vec::new();
    let mut ahead: Option<&RestorePoint> = None;
    let mut passed_over = Vec::new();
    for point in catalog.points().iter().filter(|point| point.kind == Kind::Backup) {
        if let Some(error) = point.suspicion(options.now) {
            tracing::warn!(backup = point.file, error, "a backup is passed over");
            passed_over.push(Skipped { file: point.file.clone(), error });
            ahead = ahead.or(Some(point));
            continue;
        }
        // Only a backup made later would hold more than this one. There is none.
        if let Some(ahead) = ahead.filter(|_| !accept_older && options.access.is_none()) {
            return Err(ahead_of_the_clock(ahead, Some(point), options.now));
        }
        if !accept_older {
            // Neither damaged nor good: an older one is not chosen automatically.
            keys.require_of(&backups.join(&point.file), point.encrypted)?;
        }
        let error = match Source::open(Folder { backups, keys, database }, point, catalog) {
            Ok(source) if skipped.is_empty() || accept_older => {
                return Ok(Some((point.clone(), source, [passed_over, skipped].concat())));
            }
            Ok(_) => return Err(only_an_older_one(backups, point, &skipped)),
            Err(error) if error.code() == Code::Damaged => error.to_string(),
            Err(error) => return Err(error),
        };
        tracing::error!(backup = point.file, error, "a damaged backup is passed over");
        skipped.push(Skipped { file: point.file.clone(), error });
    }
    if let Some(ahead) = ahead {
        return Err(ahead_of_the_clock(ahead, None, options.now));
    }
    match (catalog.points(), catalog.unknown()) {
        ([], []) => Ok(None),
        ([], unknown) => Err(Error::new(
            Code::Damaged,
            format!("'{}' holds {} backups, and the catalog knows none of them", backups.display(), unknown.len()),
        )
        .hint("they may be another database's; if they are this one's, say --adopt-backups")),
        (points, _) => Err(Error::new(
            Code::Damaged,
            format!("none of the {} restore points in '{}' is a good backup", points.len(), backups.display()),
        )
        .hint("the application is not started empty; `backup-job list` shows them, `backup-job restore --point FILE` takes one")),
    }
}

/// It is the newest, so an older one would lose its changes; and it is never chosen unasked.
fn ahead_of_the_clock(ahead: &RestorePoint, older: Option<&RestorePoint>, now: Timestamp) -> Error {
    let suspicion = ahead.suspicion(now).unwrap_or_default();
    let error = Error::new(Code::Damaged, format!("the last backup, {}, is suspicious: {suspicion}", ahead.file));
    let by_name =
        format!("set the clock right; or, if it was wrong then, `backup-job restore --point {}` takes it", ahead.file);
    match older {
        None => error.hint(by_name),
        Some(older) => {
            error.hint(format!("{by_name}, and --accept-older takes {}, which was made before it", older.file))
        }
    }
}

fn only_an_older_one(backups: &Path, point: &RestorePoint, skipped: &[Skipped]) -> Error {
    let damaged = skipped.iter().map(|one| one.file.as_str()).collect::<Vec<_>>().join(", ");
    Error::new(
        Code::Damaged,
        format!("the newest backup in '{}' is damaged ({damaged}); {} is good", backups.display(), point.file),
    )
    .hint(format!("--accept-older restores it and loses what was written after {}", point.created_at))
}

fn has_bytes(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// Switches to WAL; if other connections are in a transaction, the mode stays unchanged and a warning says so.
fn switch_to_wal(connection: &Connection, path: &Path) -> Result<(String, Option<String>)> {
    let switched: rusqlite::Result<String> = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
    match switched.map_err(|e| disk::sqlite::failed("switch to WAL", path, e)) {
        Ok(mode) => Ok((mode, None)),
        Err(error) if error.code() == Code::Busy => {
            let mode = journal_mode(connection).map_err(|e| disk::sqlite::failed("read", path, e))?;
            Ok((
                mode,
                Some("the database is in use and was not switched to WAL: the next start tries again".to_owned()),
            ))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
