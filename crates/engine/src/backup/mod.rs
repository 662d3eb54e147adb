//! One consistent, verified copy of the live database into the backup folder.
//!
//! ```text
//! lock ─ snapshot ─┬─ unchanged? ── checksum of the snapshot ── hard link ─┬─ prune ─ catalog
//!                  └─ copy ─ sync ║ integrity_check ─ read back ─ publish ─┘
//! ```
//! Where recipients are set the copy is encrypted on its way to the disk: [`crate::encrypted`].

mod room;
mod source;
mod unchanged;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::catalog::{self, Catalog, owner};
use disk::files::{self, Writer};
use disk::progress::Progress;
use disk::sqlite::Shape;
use disk::{lock, read_back, snapshot, stop};
use jiff::Timestamp;
use pra_core::checksum::Checksum;
use pra_core::naming::{self, Kind};
use pra_core::restore_point::RestorePoint;
use pra_core::retention::Keep;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use store::encryption::Recipients;

use crate::encrypted::Copied;
use crate::restore::pending;
use crate::{encrypted, prune};

use source::Source;

const LABEL: &str = "backup";

/// What to copy, where to, and what stays afterwards.
#[derive(Debug, Clone)]
pub struct Options {
    /// The live database.
    pub database: PathBuf,
    /// The backup folder.
    pub backups: PathBuf,
    /// Retention, applied after the copy is published; `None`: nothing is removed.
    pub keep: Option<Keep>,
    /// Longest wait for each lock.
    pub wait: Duration,
    /// The time now: the name of the copy, and the instant before which everything committed is inside.
    pub now: Timestamp,
    /// Copies and verifies, but publishes nothing.
    pub dry_run: bool,
    /// The recipients of the copy; `None`: it is not encrypted.
    pub recipients: Option<Recipients>,
    /// The backups in the folder belong to this database, although they name another one.
    pub adopt_backups: bool,
}

/// What was made; `-o json` prints it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub struct Report {
    /// Name in the backup folder.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// Size in pages.
    pub pages: u32,
    /// Rows of the table `events`, or null.
    pub events: Option<u64>,
    /// From start to end.
    pub seconds: f64,
    /// Whether it was read back and found good: always, or the run fails.
    pub verified: bool,
    /// Whether nothing had changed since the backup before, of which this one is a hard link.
    pub unchanged: bool,
    /// Files that retention removed.
    pub pruned: Vec<String>,
    /// Whether the file is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// What SQLite's checks report about the database that is not damage: the copy has the same content.
    pub warnings: Vec<String>,
    /// A warning if the rules will keep more than the volume has room for.
    #[serde(default)]
    pub room: Option<String>,
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, pages: _, events, seconds, verified: _, unchanged, pruned, encrypted, warnings, room } =
            self;
        let verified = if *encrypted { "encrypted and verified" } else { "verified" };
        write!(f, "{file}  {}, {verified} in {seconds:.2} s", disk::progress::size(*bytes))?;
        if let Some(events) = events {
            write!(f, ", {events} events")?;
        }
        if *unchanged {
            f.write_str(", unchanged (no second copy)")?;
        }
        if !pruned.is_empty() {
            write!(f, ", {} pruned", pruned.len())?;
        }
        warnings.iter().chain(room).try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

/// Makes a backup.
///
/// # Errors
/// [`Code::Busy`] while a restore or another backup is at work, [`Code::Damaged`] where the copy (and so most
/// likely the database) is damaged, [`Code::Usage`] where the folder is another database's, [`Code::OutOfReach`] where
/// the backup folder cannot be listed. After an error nothing was published and nothing removed.
pub fn take(options: &Options) -> Result<Report> {
    let Options { database, backups, keep, wait, now, dry_run, recipients, adopt_backups } = options;
    let started = Instant::now();
    // Listed before it is locked: no lock file is to be made in a folder that is not there.
    Catalog::read(backups)?;
    source::require_there(database)?;
    owner::require_apart(database, backups)?;
    let _beside_the_database = lock::shared(database, *wait)?;
    let _one_writer = lock::backups(backups, *wait)?;
    let mut catalog = Catalog::read_as_own(backups, *adopt_backups)?;
    let identity = owner::require(&catalog, database, backups, *adopt_backups)?;
    catalog::remove_temporaries(backups)?;
    if !*dry_run {
        pending::settle(database, backups, recipients.as_ref(), *now);
        catalog = Catalog::read_as_own(backups, *adopt_backups)?;
    }
    if !*adopt_backups {
        owner::take_over(&mut catalog, database, backups, *wait)?;
    }

    let source = Source::open(database, *wait)?;
    if !*dry_run {
        owner::take_up(&mut catalog, database, identity)?;
    }
    let name = free_name(backups, &catalog, recipients.is_some(), *now)?;
    let made = match unchanged::link(&source, &catalog, options, &name)? {
        Some(made) => made,
        None => copy(&source, &catalog, options, &name)?,
    };
    let _to_the_end = stop::hold();
    let seconds = started.elapsed().as_secs_f64();
    let point = point(&name, *now, &made, seconds);
    let mut report = Report {
        file: name,
        bytes: point.bytes,
        pages: point.pages,
        events: point.events,
        seconds,
        verified: true,
        unchanged: made.unchanged_since.is_some(),
        pruned: Vec::new(),
        encrypted: point.encrypted,
        warnings: point.warnings.clone(),
        room: None,
    };
    if *dry_run {
        return Ok(report);
    }
    catalog.set_source(unchanged::stamp(&source, recipients.as_ref(), &point.file));
    catalog.insert(point);
    catalog.note_database(database);
    catalog.record_unrecorded(backups, *now);
    if let Some(keep) = keep {
        report.pruned = prune::apply(backups, &mut catalog, keep, *now)?;
        let forecast = room::forecast(backups, catalog.points(), keep, *now)?;
        report.room = forecast.as_ref().and_then(|(_, said)| said.clone());
        catalog.note_forecast(forecast.map(|(forecast, _)| forecast));
        if let Some(room) = &report.room {
            tracing::warn!(room, "the backup volume is too small for the rules");
        }
    }
    catalog.publish(backups, *now)?;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// A copy that is published under its name (or would be, in a dry run).
#[derive(Debug)]
struct Made {
    checked: read_back::Checked,
    bytes: u64,
    /// Of an encrypted file.
    file_checksum: Option<Checksum>,
    unchanged_since: Option<String>,
}

impl Made {
    /// A further name of the file of `same`: its change counters are its own.
    fn linked(checked: read_back::Checked, same: &RestorePoint) -> Self {
        Self {
            checked: read_back::Checked { checksums: same.checksums(), ..checked },
            bytes: same.bytes,
            file_checksum: same.file_checksum,
            unchanged_since: Some(unchanged::origin(same)),
        }
    }
}

fn copy(source: &Source, catalog: &Catalog, options: &Options, name: &str) -> Result<Made> {
    let Options { backups, dry_run, recipients, now, .. } = options;
    let temporary = catalog::temporary(backups, name);
    let copied = match recipients {
        None => copy_to(source, &temporary),
        Some(recipients) => encrypt_to(source, &temporary, recipients),
    };
    let made = copied.and_then(|(made, writer)| {
        if *dry_run {
            files::remove(LABEL, &temporary)?;
            return Ok(made);
        }
        catalog.announce(backups, name, *now)?;
        // The files had been touched, but the content is the same: a second copy would only cost room.
        if let Some(same) = unchanged::same_content(catalog, recipients.as_ref(), made.checked.checksums.content)
            && unchanged::make_link(backups, same, name)?
        {
            files::remove(LABEL, &temporary)?;
            return Ok(Made::linked(made.checked, same));
        }
        files::publish(LABEL, writer, &backups.join(name))?;
        Ok(made)
    });
    if made.is_err()
        && let Err(error) = files::remove(LABEL, &temporary)
    {
        tracing::warn!(%error, "the temporary copy stays until the next run removes it");
    }
    made
}

/// Encrypts the snapshot, and reads the copy back by opening it.
fn encrypt_to(source: &Source, temporary: &Path, recipients: &Recipients) -> Result<(Made, Writer)> {
    let Copied { writer, checked, bytes, file_checksum } =
        encrypted::copy(LABEL, &source.connection, source.shape, temporary, recipients)?;
    require_sound(source, &checked)?;
    Ok((Made { checked, bytes, file_checksum: Some(file_checksum), unchanged_since: None }, writer))
}

/// Copies the snapshot and reads the copy back: synced, checked by SQLite, and equal to what was read.
fn copy_to(source: &Source, temporary: &Path) -> Result<(Made, Writer)> {
    let shape = source.shape;
    files::require_room(files::folder_of(temporary), shape.bytes(), "the copy")?;
    let writer = Writer::create_like(LABEL, temporary, &source.path)?;
    let progress = Progress::bytes("copying", shape.bytes());
    let written = snapshot::copy(&source.connection, shape, &writer, &progress)?;
    progress.finish();
    let progress = Progress::bytes("verifying", shape.bytes());
    let checked = read_back::check_written(temporary, &progress, || writer.sync())?;
    if checked.checksums != written {
        return Err(Error::new(
            Code::Damaged,
            format!("'{}' reads back as {}, {} was written", temporary.display(), checked.checksums, written),
        )
        .hint("the backup volume returns other bytes than it was given: replace it"));
    }
    require_sound(source, &checked)?;
    let bytes = checked.shape.bytes();
    Ok((Made { checked, bytes, file_checksum: None, unchanged_since: None }, writer))
}

fn require_sound(source: &Source, checked: &read_back::Checked) -> Result<()> {
    let Some(problem) = &checked.problem else { return Ok(()) };
    Err(Error::new(Code::Damaged, format!("the copy of '{}' is damaged: {problem}", source.path.display()))
        .hint("the database itself is damaged: `backup-job restore` puts the newest verified backup in its place"))
}

/// A name that no file has. The minute's own name goes to the first backup of that minute only: were it given again
/// after that one was pruned, a user who noted the name would restore something else.
fn free_name(backups: &Path, catalog: &Catalog, encrypted: bool, now: Timestamp) -> Result<String> {
    let minute = |at: Timestamp| at.as_second().div_euclid(60);
    let minute_has_one = catalog.all().iter().any(|point| minute(point.created_at) == minute(now));
    let taken = |name: &str| {
        let is_the_minutes = name.matches('-').count() == 5;
        (is_the_minutes && minute_has_one) || backups.join(name).symlink_metadata().is_ok()
    };
    naming::name(Kind::Backup, now, encrypted, taken).ok_or_else(|| {
        Error::new(Code::Busy, format!("every name for a backup of this second is taken in '{}'", backups.display()))
            .hint("run this again in a second")
    })
}

fn point(name: &str, now: Timestamp, made: &Made, seconds: f64) -> RestorePoint {
    let Shape { page_size, pages, wal: _ } = made.checked.shape;
    RestorePoint {
        file: name.to_owned(),
        kind: Kind::Backup,
        created_at: now,
        sequence: 0,
        bytes: made.bytes,
        page_size,
        pages,
        events: made.checked.events,
        content_checksum: made.checked.checksums.content,
        ltx_checksum: made.checked.checksums.ltx,
        verified_at: Some(now),
        error: None,
        warnings: made.checked.warnings.clone(),
        seconds,
        unchanged_since: made.unchanged_since.clone(),
        encrypted: made.file_checksum.is_some(),
        file_checksum: made.file_checksum,
    }
}

/// Opens a read transaction on the database, so that its snapshot is fixed.
fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
}

#[cfg(test)]
mod tests;
