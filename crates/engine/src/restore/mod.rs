//! Restores a backup or a point in time: plan, print, apply.
//!
//! ```text
//! select ─ verify ─ look at the database ─► Plan ─┬─ in place: one transaction, only the pages that differ
//!                                                 └─ replace:  a new file renamed into place, no process has it open
//! ```
//! Nothing is touched before the restore point was read back and found to be what the catalog says. What can still be
//! read of the present state is kept as `pre-restore-….db` first, so that a restore can be undone by a restore.

mod catch_up;
mod compare;
mod estimate;
mod evidence;
mod in_place;
mod inspect;
mod journal;
mod new_file;
mod old_file;
mod open_files;
mod page_one;
mod page_set;
pub(crate) mod pending;
mod plan;
mod range_lock;
mod replace;
mod safety_copy;
mod select;
mod source;
mod wal_log;
mod write_pages;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::catalog::{self, Catalog, owner};
use disk::identity::Identity;
use disk::{lock, stop};
use jiff::Timestamp;
use pra_core::point::Point;
use pra_core::restore_point::RestorePoint;
use pra_core::{Error, Result};
use serde::{Deserialize, Serialize};
use store::beside::{self, Origin};
use store::encryption::Recipients;
use store::epoch::Parent;

use crate::encrypted::Keys;
use crate::remote::{Access, Choice};

pub use estimate::LOCK_LIMIT;
pub(crate) use new_file::remove_leftovers;
pub use plan::{How, Plan};
pub(crate) use select::{fetch, newest};
pub(crate) use source::{Folder, Source};

/// How to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Mode {
    /// In place where the database can be read and has the same page size, else replace.
    #[default]
    Auto,
    /// As one transaction of the live database, while it is used.
    InPlace,
    /// As a new file under the database's name; the application is stopped.
    Replace,
}

/// What to restore, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub database: PathBuf,
    /// The backup folder.
    pub backups: PathBuf,
    /// The restore point.
    pub point: Point,
    /// How to restore.
    pub mode: Mode,
    /// Goes on where writers would wait for longer than [`Options::lock_limit`].
    pub accept_503: bool,
    /// The longest that writers may be made to wait: [`LOCK_LIMIT`].
    pub lock_limit: Duration,
    /// Longest wait for each lock.
    pub wait: Duration,
    /// The time now.
    pub now: Timestamp,
    /// The identity that decrypts backups. If it is given, an unencrypted backup is refused.
    pub keys: Keys,
    /// The recipients of the safety copy; `None`: it is not encrypted.
    pub recipients: Option<Recipients>,
    /// The replicas, where there are any.
    pub access: Option<Access>,
    /// Goes on with the other sources where a replica is out of reach.
    pub accept_unreachable: bool,
    /// The backups in the folder belong to this database, although they name another one.
    pub adopt_backups: bool,
}

/// What was done; `-o json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The restore point's file.
    pub point: String,
    /// `backup`, `replica`, or `safety-copy` for what an earlier restore kept.
    pub source: Cow<'static, str>,
    /// How it was put in place.
    pub mode: How,
    /// The instant that the database is at now, RFC 3339.
    pub reached: String,
    /// From start to end, without the time that the operator took to confirm.
    pub seconds: f64,
    /// Whether the result was checked and found good: always, or the run fails.
    pub verified: bool,
    /// The state before, in the backup folder; null where there was none that could be kept.
    pub safety_copy: Option<String>,
    /// In place: for how long writers waited.
    pub lock_seconds: Option<f64>,
    /// Pages written.
    pub pages_written: u64,
    /// What failed although the restore is complete.
    pub warnings: Vec<String>,
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.mode {
            How::InPlace => "in place",
            How::Replace => "as a new file",
        };
        write!(f, "restored {} ({}) {how} in {:.2} s, verified", self.point, self.reached, self.seconds)?;
        if let Some(seconds) = self.lock_seconds {
            write!(f, "; writers waited {seconds:.3} s")?;
        }
        if let Some(copy) = &self.safety_copy {
            write!(f, "\nthe state before is kept: --point {copy}")?;
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

/// A plan, and the verified restore point that it is for, held open.
#[derive(Debug)]
pub struct Prepared {
    options: Options,
    point: RestorePoint,
    source: Source,
    /// Where in a replica it is from.
    choice: Option<Choice>,
    /// Which database it is afterwards.
    identity: Identity,
    plan: Plan,
    took: Duration,
}

/// Plans, and does it.
///
/// # Errors
/// As [`plan`] and [`Prepared::apply`].
pub fn run(options: &Options) -> Result<Report> {
    plan(options)?.apply()
}

/// Finds the restore point, verifies it, and decides what to do. Changes nothing.
///
/// # Errors
/// [`pra_core::Code::NotFound`]; [`pra_core::Code::Damaged`] where it is damaged (the
/// hint names the next good one); [`pra_core::Code::OutOfReach`] where the backup folder cannot be listed;
/// [`pra_core::Code::Usage`] where `--mode in-place` cannot be done; [`pra_core::Code::Busy`].
pub fn plan(options: &Options) -> Result<Prepared> {
    let started = Instant::now();
    require_folder(options)?;
    let by_backups = identity(options)?;
    let select::Selected { point, source, choice } = select::select(options)?;
    let identity = match &choice {
        Some(choice) => choice.agree(&options.database, by_backups, &options.backups)?,
        None => by_backups,
    };
    let live = inspect::inspect(&options.database, options.wait)?;
    let name = safety_copy::free_name(options)?;
    let plan = plan::make(options, &point, &source, &live, name)?;
    Ok(Prepared { options: options.clone(), point, source, choice, identity, plan, took: started.elapsed() })
}

/// Which database it is once the point is in place. The backup folder is another source than the replicas, and the safety
/// copy goes there: so it must be the database's own, whatever is restored.
fn identity(options: &Options) -> Result<Identity> {
    let Options { database, backups, adopt_backups, .. } = options;
    owner::require_apart(database, backups)?;
    let Some(catalog) = catalog::unless_away(Catalog::read(backups), options.access.is_some())? else {
        return Ok(Identity::Unknown);
    };
    let is_there = std::fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0);
    match is_there {
        true => owner::require(&catalog, database, backups, *adopt_backups),
        false => owner::require_for_empty(&catalog, database, backups, *adopt_backups, false),
    }
}

/// The lock of the backup folder, in which what killed runs left behind is removed: a safety copy takes the name of its
/// minute, so that the next restore would not meet the one of a minute ago.
fn lock_backups(backups: &Path, wait: Duration) -> Result<lock::Lock> {
    let lock = lock::backups(backups, wait)?;
    if let Err(error) = catalog::remove_temporaries(backups) {
        tracing::warn!(error = error.chain(), "what killed runs left behind stays until the next backup");
    }
    Ok(lock)
}

fn require_folder(options: &Options) -> Result<()> {
    let folder = disk::files::folder_of(&options.database);
    match std::fs::metadata(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("look at the folder", folder, error)
            .hint("mount the volume there or make the folder, or name the right one with --database")),
    }
}

impl Prepared {
    /// What will be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Does it.
    ///
    /// # Errors
    /// [`pra_core::Code::Busy`] where a lock does not come free or, for replace, another process has the
    /// database open; [`pra_core::Code::Usage`] where writers would wait too long. After an error nothing was changed,
    /// except for a [`pra_core::Code::Damaged`] after the restore, which says so.
    pub fn apply(self) -> Result<Report> {
        let started = Instant::now();
        let mut report = match self.plan.mode {
            How::InPlace => self.in_place(&mut || {}),
            How::Replace => self.replace(),
        }?;
        report.seconds = (self.took + started.elapsed()).as_secs_f64();
        Ok(report)
    }

    fn in_place(&self, before_lock: &mut dyn FnMut()) -> Result<Report> {
        let Options { database, backups, wait, now, recipients, .. } = &self.options;
        let started = Instant::now();
        let _beside_the_database = lock::shared(database, *wait)?;
        // Held to the end: no other process may remove the unfinished copy.
        let _one_writer = lock_backups(backups, *wait)?;
        pending::settle(database, backups, recipients.as_ref(), *now);
        let name = self.free_name()?;
        self.identity.adopt(&self.options.database)?;
        let done = in_place::run(&self.options, &self.source, &name, before_lock)?;
        let _to_the_end = stop::hold();
        let mut warnings = self.source.warnings.clone();
        warnings.extend(self.record(&done.safety_copy, started.elapsed()));
        // A person has decided what the replicator, which a store has refused, goes on from.
        if let Err(error) = beside::is_refused(database)
            .and_then(|refused| if refused { self.origin(database)?.leave(database, true) } else { Ok(()) })
        {
            warnings.push(format!("the replicator will not know what the database came from: {}", error.chain()));
        }
        in_place::check_after(database, *wait)
            .map_err(|e| e.hint(format!("the state before is kept: --point {}", done.safety_copy.name())))?;
        tracing::debug!(%now, pages = done.pages, locked = ?done.locked, "restored in place");
        Ok(Report {
            safety_copy: Some(done.safety_copy.name().to_owned()),
            lock_seconds: Some(done.locked.as_secs_f64()),
            pages_written: done.pages,
            warnings,
            ..self.report()
        })
    }

    fn replace(&self) -> Result<Report> {
        let Options { database, wait, .. } = &self.options;
        let _alone = lock::exclusive(database, *wait)?;
        let is_replicated = self.options.access.is_some();
        let before = |new: &Path| {
            self.identity.adopt(&self.options.database)?;
            let noted = self.origin(new).and_then(|origin| origin.leave(database, is_replicated)).err();
            Ok(noted
                .map(|error| format!("the replicator will not know what the database came from: {}", error.chain())))
        };
        let done = replace::run(&self.options, &self.source, &self.free_name()?, before)?;
        let _to_the_end = stop::hold();
        Ok(Report {
            safety_copy: done.safety_copy,
            pages_written: self.source.shape.pages.into(),
            warnings: self.source.warnings.iter().cloned().chain(done.warnings).collect(),
            ..self.report()
        })
    }

    /// What `file` is from, for the replicator.
    fn origin(&self, file: &Path) -> Result<Origin> {
        let parent = self.choice.as_ref().map(|choice| Parent { epoch: choice.epoch, txid: choice.txid });
        Origin::of(file, parent, None)
    }

    /// The planned name, or another one where a backup or restore took it meanwhile.
    fn free_name(&self) -> Result<String> {
        match &self.plan.safety_copy {
            Some(name) if self.options.backups.join(name).symlink_metadata().is_err() => Ok(name.clone()),
            _ => safety_copy::free_name(&self.options),
        }
    }

    /// Records the safety copy. The database is restored by now, so that nothing that goes wrong here is an error.
    fn record(&self, copy: &safety_copy::Published, took: Duration) -> Vec<String> {
        replace::recorded(copy, took, self.options.now)
    }

    fn report(&self) -> Report {
        Report {
            point: self.point.file.clone(),
            source: self.point.kind.source().into(),
            mode: self.plan.mode,
            reached: self.plan.reached.clone(),
            seconds: 0.0,
            verified: true,
            safety_copy: None,
            lock_seconds: None,
            pages_written: 0,
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
