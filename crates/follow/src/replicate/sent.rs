//! What was sent to a store, noted before the store is given a file, and what of it the store has confirmed.
//!
//! ```text
//! note {before: 8, last: 9} ─ PUT 9 ─ note {before: 9, last: 10} ─ PUT 10 ─ …
//! ```
//! A store has everything up to `before`. It may have `last`, whose bytes the note tells from any others. What it has beyond
//! was written by another: this database was set back, or its copy went on elsewhere. A counter that grows here could
//! not tell, since it grows without the store as well.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use pra_core::{EpochId, Error, Result};
use serde::{Deserialize, Serialize};
use store::url::ReplicaUrl;

use super::staging::{Name, Staged};

/// Bytes at the end of a file that tell it from all others of its length: LTX's checksums of the file and of the database
/// after it, or the tag of its encryption.
pub(super) const END: u64 = 16;

/// One file, as it is told from others of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) name: Name,
    pub(super) bytes: u64,
    /// Its last [`END`] bytes.
    pub(super) end: Vec<u8>,
}

/// What one store was sent of one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// The store, for people.
    replica: String,
    epoch: EpochId,
    /// It has confirmed everything up to this transaction.
    pub(super) before: u64,
    /// The last file that it was given, or is about to be.
    pub(super) last: Option<Mark>,
}

/// The note of one store.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    replica: String,
}

impl Mark {
    /// Of a staged file.
    pub(super) fn of(staged: &Staged) -> Result<Self> {
        let failed = |e| Error::io("read", &staged.path, e);
        let file = File::open(&staged.path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let mut end = vec![0; usize::try_from(bytes.min(END)).unwrap_or(0)];
        file.read_exact_at(&mut end, bytes.saturating_sub(END)).map_err(failed)?;
        Ok(Self { name: staged.name, bytes, end })
    }
}

impl Ledger {
    /// Of this store, in the home of `database`.
    pub(super) fn new(database: &Path, replica: &ReplicaUrl) -> Result<Self> {
        let replica = replica.to_string();
        let name = format!("sent-{:016x}.json", ltx::checksum(replica.as_bytes()));
        Ok(Self { path: store::beside::folder(database)?.join(name), replica })
    }

    /// What it was sent of `epoch`; `None` where nothing is noted.
    pub(super) fn load(&self, epoch: EpochId) -> Result<Option<Sent>> {
        Ok(store::beside::read::<Sent>(&self.path)?.filter(|sent| sent.epoch == epoch && sent.replica == self.replica))
    }

    /// The store has everything of `epoch` up to `before`, and is about to be given `last`.
    pub(super) fn about_to_send(&self, epoch: EpochId, before: u64, last: Mark) -> Result<()> {
        self.save(epoch, before, Some(last))
    }

    /// The store has everything of `epoch` up to `txid`.
    pub(super) fn confirmed(&self, epoch: EpochId, txid: u64) -> Result<()> {
        match self.load(epoch)? {
            Some(sent) if sent.before >= txid => Ok(()),
            sent => self.save(epoch, txid, sent.and_then(|sent| sent.last)),
        }
    }

    fn save(&self, epoch: EpochId, before: u64, last: Option<Mark>) -> Result<()> {
        store::beside::write(&self.path, &Sent { replica: self.replica.clone(), epoch, before, last })
    }
}
