//! What a restore will do: decided, shown, and only then applied.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use disk::files;
use indicatif::BinaryBytes;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use serde::{Deserialize, Serialize};

use super::estimate::Cost;
use super::inspect::{Differing, Live};
use super::source::Source;
use super::{Mode, Options};
use crate::encrypted;

/// How a restore point is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// As one transaction of the live database, while it is used.
    InPlace,
    /// As a new file under the database's name, while no process has it open.
    Replace,
}

/// What a restore will do. `Display` is for people, `Serialize` for machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The restore point's file.
    pub point: String,
    /// `backup`, or `safety-copy` for what an earlier restore kept.
    pub source: Cow<'static, str>,
    /// Instant of the restore point, RFC 3339.
    pub reached: String,
    /// Where the restore point is.
    pub from: PathBuf,
    /// The database.
    pub to: PathBuf,
    /// How it is put in place.
    pub mode: How,
    /// Why.
    pub why: String,
    /// Size of the restore point.
    pub bytes: u64,
    /// Size of the restore point in pages.
    pub pages: u32,
    /// Rows of the table `events` in the restore point, or null.
    pub events: Option<u64>,
    /// In place: pages that differ; estimated from a sample where the database is large.
    pub differing_pages: Option<u64>,
    /// In place: for how long writers will wait, roughly.
    pub lock_seconds: Option<f64>,
    /// Name under which the present state is kept; null where there is none.
    pub safety_copy: Option<String>,
    /// What happens, in order.
    pub steps: Vec<String>,
    /// What SQLite's checks report about the restore point that is not damage.
    pub warnings: Vec<String>,
}

impl How {
    /// The word of `--mode` and of JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InPlace => "in-place",
            Self::Replace => "replace",
        }
    }
}

/// How to restore, and why.
///
/// # Errors
/// [`Code::Usage`] where in-place was asked for and cannot be done.
fn decide(mode: Mode, live: &Live, source: &Source) -> Result<(How, String)> {
    let obstacle = match live {
        Live::Missing => Some("there is no database".to_owned()),
        Live::Empty => Some("the database is empty".to_owned()),
        Live::Unreadable(why) => Some(format!("the database cannot be read ({why})")),
        Live::Readable(live) if live.shape.page_size != source.shape.page_size => Some(format!(
            "the database has pages of {} bytes, the restore point of {}",
            live.shape.page_size, source.shape.page_size
        )),
        // Open connections would go on decoding text as before. 0: no table was ever made, no text is there.
        Live::Readable(live) if ![0, source.text_encoding].contains(&live.text_encoding) => {
            Some("the database has another text encoding".to_owned())
        }
        Live::Readable(_) => None,
    };
    match (mode, obstacle) {
        (Mode::Replace, _) => Ok((How::Replace, "asked for".to_owned())),
        (Mode::Auto, Some(obstacle)) => Ok((How::Replace, obstacle)),
        (Mode::InPlace, Some(obstacle)) => {
            Err(Error::new(Code::Usage, format!("failed to restore in place: {obstacle}"))
                .hint("--mode replace, with the application stopped, or --mode auto"))
        }
        (_, None) => Ok((How::InPlace, "the database can be read and has the same page size".to_owned())),
    }
}

/// Makes the plan. `safety_copy` is a free name for one.
pub(super) fn make(
    options: &Options,
    point: &RestorePoint,
    source: &Source,
    live: &Live,
    safety_copy: String,
) -> Result<Plan> {
    let (mode, why) = decide(options.mode, live, source)?;
    let differing = match (mode, live) {
        (How::InPlace, Live::Readable(live)) => Some(live.differing(source)?),
        _ => None,
    };
    let something_to_keep = matches!(live, Live::Readable(_) | Live::Unreadable(_));
    let mut plan = Plan {
        point: point.file.clone(),
        source: point.kind.source().into(),
        reached: point.created_at.to_string(),
        from: source.path().to_owned(),
        to: options.database.clone(),
        mode,
        why,
        bytes: source.shape.bytes(),
        pages: source.shape.pages,
        events: source.events,
        differing_pages: differing.map(|differing| differing.pages),
        lock_seconds: differing.map(|d| Cost::assumed().of(d.pages, source.shape.page_size).as_secs_f64()),
        safety_copy: something_to_keep.then_some(safety_copy),
        steps: Vec::new(),
        warnings: source.warnings.clone(),
    };
    plan.steps = steps(&plan, differing);
    require_room(options, &plan, source, live)?;
    Ok(plan)
}

/// Fails where there is no room for what the plan makes. Of a database that cannot be read a copy is kept only where
/// there is.
fn require_room(options: &Options, plan: &Plan, source: &Source, live: &Live) -> Result<()> {
    let Options { database, backups, recipients, .. } = options;
    let folder = files::folder_of(database);
    let kept = match live {
        Live::Readable(live) => live.shape.bytes(),
        _ => 0,
    };
    let (made, what) = match plan.mode {
        How::Replace if source.is_temporary() => (0, "the restored database"),
        How::Replace => (plan.bytes, "the restored database"),
        How::InPlace => {
            let log = plan.differing_pages.unwrap_or(0) * u64::from(source.shape.page_size);
            (log + if recipients.is_some() { kept } else { 0 }, "the log of the restore")
        }
    };
    if kept == 0 {
        return files::require_room(folder, made, what);
    }
    let copy = if recipients.is_some() { encrypted::room(kept) } else { kept };
    let volume = |path: &Path| fs::metadata(path).map(|m| m.dev()).map_err(|e| Error::io("look at", path, e));
    if volume(folder)? == volume(backups)? {
        return files::require_room(folder, made + copy, &format!("{what} and the safety copy"));
    }
    if plan.mode == How::InPlace {
        files::require_bare_room(folder, made, what)?;
    } else {
        files::require_room(folder, made, what)?;
    }
    files::require_room(backups, copy, "the safety copy")
}

fn steps(plan: &Plan, differing: Option<Differing>) -> Vec<String> {
    let keep = plan.safety_copy.as_ref().map(|name| format!("keep the present state as {name}"));
    let (before, after): (&[&str], Vec<String>) = match (plan.mode, differing) {
        (How::InPlace, Some(Differing { pages, exact })) => (
            &[],
            vec![
                format!(
                    "write {}{pages} of {} pages in one transaction: readers go on, writers wait",
                    if exact { "" } else { "about " },
                    plan.pages
                ),
                "check the database and record the safety copy".to_owned(),
            ],
        ),
        _ => (
            &[
                "stop here if another process has the database open",
                "copy the restore point beside the database, read it back, set it to WAL",
            ],
            vec![
                "remove -wal, -shm and -journal, rename the copy into place".to_owned(),
                "check that the file in place is the one that was read back".to_owned(),
            ],
        ),
    };
    before.iter().map(|&step| step.to_owned()).chain(keep).chain(after).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.events.map_or(String::new(), |events| format!(", {events} events"));
        writeln!(f, "restore  {} of {} ({}{events})", self.point, self.reached, BinaryBytes(self.bytes))?;
        writeln!(f, "into     {}", self.to.display())?;
        writeln!(f, "mode     {}: {}", self.mode.as_str(), self.why)?;
        if let Some(seconds) = self.lock_seconds {
            writeln!(f, "writers  wait for about {seconds:.1} s")?;
        }
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "  {number}. {step}")?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning  {warning}"))
    }
}
