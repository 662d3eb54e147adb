//! Files on their way to the stores, durable before the first of them sees a byte: encrypting gives other bytes each time,
//! and a retry must send the same ones.
//!
//! ```text
//! 0-…1-…1.ltx.part ── written, synced ── record in the map's log, synced ── 0-…1-…1.ltx ── every store has it: removed
//! ```
//! The record decides: it holds the length and the checksum of the file, and a `.part` that has both is given its name at
//! the next start. Every other `.part` is removed, whatever its name: it was cut off, or is made again.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use catalog::thresholds::VOLUME_SPARE;
use disk::files::{self, Writer};
use ltx::FileName;
use pra_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::levels::SNAPSHOT;
use super::map::{Content, PageMap};

const LABEL: &str = "staging";
const PART: &str = ".part";
const ENCRYPTED: &str = ".age";

/// A file's place: level and transactions. Level 0 is what each sync made, 1 to 3 are compacted, 9 is whole, from the
/// first transaction on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Name {
    pub(super) level: u8,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) encrypted: bool,
}

impl Name {
    /// Whether it is the file that transaction `txid` itself made: the whole database at first, then what each sync found.
    fn is_step_to(&self, txid: u64) -> bool {
        let is_own = self.level == 0 || (self.level == SNAPSHOT && txid == 1);
        is_own && self.min == txid && self.max == txid
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, min, max, encrypted } = *self;
        write!(f, "{level}-{}{}", FileName { min, max }, if encrypted { ENCRYPTED } else { "" })
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (level, rest) = text.split_once('-').ok_or(())?;
        let (name, encrypted) = rest.strip_suffix(ENCRYPTED).map_or((rest, false), |name| (name, true));
        let FileName { min, max } = name.parse().map_err(|_other_name| ())?;
        Ok(Self { level: level.parse().map_err(|_other_name| ())?, min, max, encrypted })
    }
}

/// A file that is ready for the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) name: Name,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// When its last snapshot was opened, in ms since 1970; after a restart when it was written.
    pub(super) timestamp_ms: u64,
}

/// The folder.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    /// A user who may not read it may not read the staged files.
    database: PathBuf,
}

impl Staging {
    pub(super) fn new(folder: PathBuf, database: &Path) -> Self {
        Self { folder, database: database.to_owned() }
    }

    /// Opens a file that is being made; it is not staged yet.
    pub(super) fn begin(&self, name: Name) -> Result<Writer> {
        let part = self.part(name);
        files::remove(LABEL, &part)?;
        Writer::create_like(LABEL, &part, &self.database)
    }

    /// Removes what [`Self::begin`] opened.
    pub(super) fn give_up(&self, name: Name) -> Result<()> {
        files::remove(LABEL, &self.part(name)).map(drop)
    }

    /// Gives a file, whose content is on the disk, its name.
    pub(super) fn publish(&self, name: Name, timestamp_ms: u64) -> Result<Staged> {
        files::rename(LABEL, &self.part(name), &self.path(name))?;
        Ok(Staged { timestamp_ms, ..self.staged(name)? })
    }

    /// After a start: finishes the last transaction's file where the map has a record of it, removes what the map does
    /// not know, and returns what the stores may still wait for, in order.
    pub(super) fn recover(&self, map: &PageMap) -> Result<Vec<Staged>> {
        let txid = map.txid();
        let failed = |e| Error::io("list", &self.folder, e);
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let text = entry.file_name().to_string_lossy().into_owned();
            let (text, is_part) = text.strip_suffix(PART).map_or((text.as_str(), false), |text| (text, true));
            let Ok(name) = text.parse::<Name>() else { continue };
            if is_part && name.is_step_to(txid) && is_whole(&entry.path(), map.file())? {
                files::rename(LABEL, &self.part(name), &self.path(name))?;
            } else if is_part || name.max > txid {
                files::remove(LABEL, &entry.path())?;
                continue;
            }
            names.insert(name);
        }
        names.into_iter().map(|name| self.staged(name)).collect()
    }

    fn staged(&self, name: Name) -> Result<Staged> {
        let path = self.path(name);
        let metadata = std::fs::metadata(&path).map_err(|e| Error::io("look at", &path, e))?;
        let timestamp_ms = u64::try_from(metadata.mtime()).unwrap_or(0).saturating_mul(1000);
        Ok(Staged { name, path, bytes: metadata.len(), timestamp_ms })
    }

    fn path(&self, name: Name) -> PathBuf {
        self.folder.join(name.to_string())
    }

    fn part(&self, name: Name) -> PathBuf {
        self.folder.join(format!("{name}{PART}"))
    }
}

/// Whether the file is the one that was recorded, to its last byte.
fn is_whole(path: &Path, recorded: Content) -> Result<bool> {
    let failed = |e| Error::io("read", path, e);
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() != recorded.bytes {
        return Ok(false);
    }
    let (mut checksum, mut buffer) = (ltx::digest(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(checksum.finalize() == recorded.checksum),
            read => checksum.update(&buffer[..read]),
        }
    }
}

/// Removes files that no store waits for. Not synced: one that comes back is removed at the next start.
pub(super) fn remove(dropped: &[Staged]) {
    for staged in dropped {
        if let Err(error) = files::remove(LABEL, &staged.path) {
            tracing::warn!(error = error.chain(), "a file that no store waits for is left");
        }
    }
}

/// Fails where a file of about `bytes` would leave the database too little room: replication stops before the
/// application does.
pub(super) fn require_room(folder: &Path, bytes: u64) -> Result<()> {
    files::require_room(folder, bytes.saturating_add(VOLUME_SPARE), "staging a file for the replicas")
}
