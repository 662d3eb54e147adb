//! What a replicator knows from one start to the next, in `replica/` of the database's home (`.app.db.pra`).
//!
//! ```text
//! replica/state.json    who writes, which epoch, which file was followed
//!         sent-….json   what each store was sent: `super::sent`
//!         refused.json  that a store has refused this database: `super::refusal`
//!         parent.json   left by a restore: what the database came from: `super::origin`
//!         <epoch>/map   the page map's log
//!         <epoch>/…     staged files
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use disk::files::{self, FileId};
use jiff::Timestamp;
use pra_core::{Code, EpochId, Error, Result, WriterId};
use serde::{Deserialize, Serialize};
use store::beside::{self, Refusal};
use store::epoch::Parent;

use super::levels::Last;

const VERSION: u32 = 3;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    /// Random; who this replicator is to the stores.
    pub(super) writer: WriterId,
    /// The epoch that it writes.
    pub(super) epoch: EpochId,
    /// Bytes in a page; 0 before the first transaction.
    pub(super) page_size: u32,
    /// Whom its files are encrypted for; none where they are not.
    pub(super) recipients: Vec<String>,
    /// Whether the database was followed or restored here before, and so comes from what the stores hold.
    pub(super) is_successor: bool,
    /// Whether a person said where it goes on from, by a restore or by `--takeover`.
    pub(super) was_decided: bool,
    /// What the epoch goes on from, as far as it is known here.
    pub(super) parent: Option<Parent>,
    pub(super) began_at: Timestamp,
    identity: FileId,
    /// The last file of each level.
    pub(super) levels: Vec<Last>,
}

#[cfg(test)]
impl State {
    /// Of an epoch that has nothing yet.
    pub(super) fn sample() -> Self {
        serde_json::from_value(serde_json::json!({
            "version": 3, "writer": WriterId::random(), "epoch": "20261125T202345Z-1a2b3c4d", "page_size": 4096,
            "recipients": [], "is_successor": false, "was_decided": false, "parent": null, "began_at": "2026-01-01T00:00:00Z",
            "identity": {"device": 1, "inode": 1}, "levels": []
        }))
        .unwrap()
    }
}

/// The folder beside the database.
#[derive(Clone, Debug)]
pub(super) struct Home {
    folder: PathBuf,
    database: PathBuf,
}

impl State {
    /// A new epoch of the file that `database` names.
    pub(super) fn begin(
        home: &Home,
        writer: WriterId,
        recipients: Vec<String>,
        [is_successor, was_decided]: [bool; 2],
        parent: Option<Parent>,
    ) -> Result<Self> {
        let began_at = disk::clock::now();
        if began_at < Timestamp::UNIX_EPOCH {
            // No store takes such a time, and none of ours may stay when the clock is right again.
            return Err(Error::new(
                Code::Failed,
                format!("this machine's clock says {began_at}: no epoch begins with it"),
            )
            .hint("set the clock right"));
        }
        Ok(Self {
            version: VERSION,
            writer,
            epoch: EpochId::begin(began_at),
            page_size: 0,
            recipients,
            is_successor,
            was_decided,
            parent,
            began_at,
            identity: home.identity()?,
            levels: Vec::new(),
        })
    }

    /// Whether its files are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// The last file of `level`.
    pub(super) fn last(&self, level: u8) -> Last {
        let last = self.levels.iter().find(|last| last.level == level).copied();
        // The epoch's first file is a snapshot: compacted ones begin after it.
        last.unwrap_or(Last { level, txid: 1, at_ms: u64::try_from(self.began_at.as_millisecond()).unwrap_or(0) })
    }

    /// Takes note of a level's new file.
    pub(super) fn made(&mut self, made: Last) {
        self.levels.retain(|last| last.level != made.level);
        self.levels.push(made);
    }
}

impl Home {
    /// Of a database that is there; makes the folder.
    pub(super) fn open(database: &Path) -> Result<Self> {
        let folder = beside::make(database)?;
        Ok(Self { folder, database: database.to_owned() })
    }

    /// What was kept; `None` where nothing was, or it is of a database that lay here before.
    pub(super) fn load(&self) -> Result<Option<State>> {
        let Some(state) = beside::read::<State>(&self.folder.join("state.json"))? else { return Ok(None) };
        if state.version != VERSION {
            return Err(Error::new(
                Code::Usage,
                format!("'{}' has version {}, not {VERSION}", self.folder.join("state.json").display(), state.version),
            )
            .hint("it was written by a newer backup-job: use that one"));
        }
        Ok(Some(state))
    }

    /// Whether `state` is of the file that the database's path names now.
    pub(super) fn is_same_file(&self, state: &State) -> Result<bool> {
        Ok(self.identity()? == state.identity)
    }

    pub(super) fn save(&self, state: &State) -> Result<()> {
        beside::write(&self.folder.join("state.json"), state)
    }

    /// The epoch's folder, made where it is missing; those of other epochs are removed.
    pub(super) fn epoch_folder(&self, epoch: EpochId) -> Result<PathBuf> {
        let failed = |e| Error::io("list", &self.folder, e);
        let epoch = epoch.to_string();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() != *epoch && entry.file_type().map_err(failed)?.is_dir() {
                fs::remove_dir_all(entry.path()).map_err(|e| Error::io("remove", &entry.path(), e))?;
            }
        }
        let folder = self.folder.join(&epoch);
        files::make_folder_like(&folder, &self.database)?;
        Ok(folder)
    }

    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// A person has decided where the new epoch goes on from.
    pub(super) fn forget_refusal(&self) -> Result<()> {
        Refusal::forget(&self.database)
    }

    /// Whether what was written here is still in place.
    pub(super) fn is_in_place(&self, epoch: EpochId) -> bool {
        // Where that cannot be seen, the next write fails.
        let is_there = |path: PathBuf| path.try_exists().unwrap_or(true);
        is_there(self.folder.join("state.json")) && is_there(self.folder.join(epoch.to_string()).join("map"))
    }

    fn identity(&self) -> Result<FileId> {
        FileId::of(&self.database)?
            .ok_or_else(|| Error::new(Code::Failed, format!("'{}' is not there any more", self.database.display())))
    }
}
