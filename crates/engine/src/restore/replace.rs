//! A restore by a new file: for a database that is missing, damaged or has another page size.
//!
//! ```text
//! no process has it open? ─ copy beside it, read back ─ take hold of the old file ─ safety copy ─ rename ─ look at it
//! ```
//! The caller holds the exclusive lock: the checkpointer has let go, and no `init` starts the application meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use disk::sqlite::{self, Shape};
use disk::{home, lock, snapshot, stop};
use jiff::Timestamp;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::new_file::{NewFile, remove_leftovers};
use super::old_file::OldFile;
use super::safety_copy::{Published, SafetyCopy};
use super::source::Source;
use super::{Options, evidence, open_files, range_lock, safety_copy};

/// A completed restore.
#[derive(Debug)]
pub(super) struct Done {
    /// The state before, in the backup folder.
    pub(super) safety_copy: Option<String>,
    /// What failed without stopping the run.
    pub(super) warnings: Vec<String>,
}

/// Replaces the database with `source`. `before` is called with the complete new file before it is renamed; it may
/// return a warning.
///
/// # Errors
/// Nothing was changed, but for an error after the rename, which says so.
pub(super) fn run(
    options: &Options,
    source: &Source,
    safety_copy: &str,
    before: impl FnOnce(&Path) -> Result<Option<String>>,
) -> Result<Done> {
    let database = home::resolve(&options.database)?;
    let started = Instant::now();
    remove_leftovers(&database)?;
    range_lock::require_unused(&database)?;
    open_files::require_none(&database)?;
    let new = NewFile::make(&database, source)?;

    let old = OldFile::seize(&database, options.wait)?;
    if let Err(error) = open_files::require_none(&database) {
        old.release();
        return Err(error);
    }
    let mut warnings = Vec::new();
    let (kept, backups) = match keep(&old, options, safety_copy, &mut warnings) {
        Ok(kept) => kept,
        Err(error) => {
            old.release();
            return Err(error);
        }
    };
    let _to_the_end = stop::hold();
    let placed = new.path().and_then(before).and_then(|warning| {
        warnings.extend(warning);
        new.place(&database)
    });
    let placed = match placed {
        Err(error) if !new.is_placed(&database) => {
            old.release();
            if let Kept::Copy(copy) = kept {
                copy.withdraw();
            }
            return Err(error);
        }
        placed => placed,
    };
    warnings.extend(new.confirm(&database)?);
    old.retire()?;
    // The rename is done, but may not be durable: do not report success.
    placed?;
    let safety_copy = match kept {
        Kept::Nothing => None,
        Kept::Evidence => Some(safety_copy.to_owned()),
        Kept::Copy(copy) => {
            warnings.extend(recorded(&copy, started.elapsed(), options.now));
            Some(copy.name().to_owned())
        }
    };
    drop(backups);
    require_open(&database, options.wait)?;
    Ok(Done { safety_copy, warnings })
}

/// Records the safety copy; a failure is returned as text, since the restore is complete by now.
pub(super) fn recorded(copy: &Published, took: Duration, now: Timestamp) -> Vec<String> {
    match copy.record(took, now) {
        Ok(None) => Vec::new(),
        Ok(Some(problem)) => {
            vec![format!("the safety copy {} is damaged, as the database was: {problem}", copy.name())]
        }
        Err(error) => vec![format!("the safety copy {} is not in the catalog yet: {error}", copy.name())],
    }
}

enum Kept {
    Nothing,
    Copy(Box<Published>),
    Evidence,
}

/// Keeps what it can of the old file, and holds the backup folder's lock from then on.
fn keep(
    old: &OldFile,
    options: &Options,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<(Kept, Option<lock::Lock>)> {
    let Options { backups, wait, .. } = options;
    match old {
        OldFile::Missing | OldFile::Readable { shape: None, .. } => Ok((Kept::Nothing, None)),
        OldFile::Readable { connection, shape: Some(shape), .. } => {
            let lock = super::lock_backups(backups, *wait)?;
            match copy(connection, *shape, options, name) {
                Ok(copy) => Ok((Kept::Copy(Box::new(copy)), Some(lock))),
                Err(error) if error.code() == Code::Damaged => {
                    warnings.push(format!("the state before could not be read and is not kept: {error}"));
                    Ok((Kept::Nothing, Some(lock)))
                }
                Err(error) => Err(error),
            }
        }
        OldFile::Unreadable { file, why } => {
            let kept = super::lock_backups(backups, *wait)
                .and_then(|lock| evidence::keep(file.file(), options, name).map(|()| lock));
            match kept {
                Ok(lock) => {
                    warnings.push(format!("the database could not be read ({why}): its bytes are kept as {name}"));
                    Ok((Kept::Evidence, Some(lock)))
                }
                Err(error) if error.code() == Code::Busy => Err(error),
                Err(error) => {
                    warnings
                        .push(format!("the database could not be read ({why}), and its bytes are not kept: {error}"));
                    Ok((Kept::Nothing, None))
                }
            }
        }
    }
}

fn copy(connection: &Connection, shape: Shape, options: &Options, name: &str) -> Result<Published> {
    if let Some(recipients) = &options.recipients {
        return safety_copy::encrypt(connection, shape, options, name, recipients);
    }
    let mut copy = SafetyCopy::create(options, name, shape)?;
    snapshot::batches(connection, shape, |_, pages| copy.append(pages))?;
    copy.publish(options.now)
}

/// Opens the restored database once, as its users will.
fn require_open(database: &Path, wait: Duration) -> Result<()> {
    let connection = sqlite::open_live(database, wait)?;
    let found = sqlite::shape(&connection).map_err(|e| disk::sqlite::failed("open", database, e))?;
    match found {
        Some((shape, _)) if shape.wal => Ok(()),
        _ => Err(Error::new(Code::Damaged, format!("'{}' does not open in WAL mode", database.display()))),
    }
}
