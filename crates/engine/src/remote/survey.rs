//! What a store has: its line of epochs and their files.

use std::path::PathBuf;

use pra_core::{Code, DatabaseId, EpochId, Error, Result};
use store::epoch::{self, Database, Lease, list_epochs, read_lease};
use store::history::{File, History};
use store::layout::{self, FileKey};
use store::lineage::{self, Line};
use store::objects::Store;

/// One store as its listings show it.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(super) store: Store,
    /// Newest first; empty where the store has no epochs.
    pub(super) steps: Vec<Step>,
    /// Which database was written here last, and where it lay on its writer's machine: by the lease, which a store with
    /// epochs always has. Without it nothing says how far the replica was.
    pub(super) original: Option<(DatabaseId, PathBuf)>,
}

/// One epoch of the line.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) epoch: EpochId,
    /// The database whose history it is.
    pub(super) database: Database,
    /// What counts of it.
    pub(super) history: History,
    /// The last transaction that is known to have been shipped.
    pub(super) head: Option<u64>,
    keys: Vec<(FileKey, File)>,
    /// Transactions that it holds after the point where the next epoch continues.
    pub(super) ignored: u64,
}

impl Survey {
    /// Reads the lease first, so that everything it says was shipped must be in the listings; `recorded` is what the
    /// catalog says.
    pub(super) async fn read(store: Store, named: Option<EpochId>, recorded: Option<(EpochId, u64)>) -> Result<Self> {
        let lease = read_lease(&store).await?.map(|(lease, _)| lease);
        let manifests = list_epochs(&store).await?;
        let epochs = lineage::epochs(&manifests);
        let named = named.map(|epoch| epoch.to_string());
        let Line { steps, missing, passed_over } = match lineage::line(&epochs, named.as_deref()) {
            Ok(line) => line,
            Err(lineage::Error::Empty) => {
                epoch::require_nothing_foreign(&store).await?;
                return Ok(Self { store, steps: Vec::new(), original: None });
            }
            Err(error @ lineage::Error::Unknown(_)) => {
                return Err(Error::new(Code::NotFound, format!("{error} in {}", store.url()))
                    .hint("`backup-job list` shows the epochs"));
            }
            Err(error) => {
                return Err(Error::new(Code::Damaged, format!("{} is damaged", store.url())).because(error));
            }
        };
        for epoch in passed_over {
            tracing::warn!(replica = %store.url(), epoch, "an epoch that began beside others goes on from none: --epoch takes it");
        }
        if let Some(missing) = missing {
            tracing::warn!(replica = %store.url(), missing, "the history before it is not there any more");
        }
        let mut read = Vec::with_capacity(steps.len());
        for step in steps {
            let epoch: EpochId = step.epoch.parse()?;
            let keys = layout::files(&store.list(&step.epoch).await?, store.url().scheme(), &epoch);
            let whole = History::new(keys.iter().map(|(_, file)| *file));
            let ignored = lineage::ignored(&step, whole.states().next_back());
            if ignored > 0 {
                tracing::warn!(%epoch, ignored, "transactions of a writer that was replaced do not count");
            }
            let leased = lease.as_ref().filter(|lease| lease.epoch == Some(epoch)).map(|lease| lease.head_txid);
            // A child that goes on from here knows what was there.
            let continued =
                manifests.iter().filter_map(|manifest| manifest.parent.filter(|parent| parent.epoch == epoch));
            let recorded = recorded.filter(|(recorded, _)| *recorded == epoch).map(|(_, txid)| txid);
            let known = leased.max(continued.map(|parent| parent.txid).max()).max(recorded);
            let history = step.until.map_or_else(|| whole.clone(), |until| whole.until(until));
            let head = step.until.or(known).filter(|head| *head > 0);
            let of_it = manifests.iter().find(|manifest| manifest.epoch == epoch);
            let database = of_it.map(|manifest| manifest.database.clone()).ok_or_else(|| {
                Error::new(Code::Damaged, format!("the epoch '{epoch}' in {} has no manifest", store.url()))
            })?;
            read.push(Step { epoch, database, history, head, keys, ignored });
        }
        let original = lease.map(|Lease { writer, .. }| (writer.database.id, writer.path));
        Ok(Self { store, steps: read, original })
    }

    /// The newest epoch that has something, or should.
    pub(super) fn newest(&self) -> Option<&Step> {
        self.steps.iter().find(|step| !step.history.is_empty() || step.head.is_some())
    }

    /// Whether it has anything that could be restored.
    pub(crate) fn is_empty(&self) -> bool {
        self.newest().is_none()
    }
}

impl Step {
    /// The key of a file of this epoch.
    pub(super) fn key(&self, file: &File) -> Result<FileKey> {
        let found = self.keys.iter().find(|(_, one)| one == file).map(|(key, _)| *key);
        found.ok_or_else(|| Error::new(Code::Failed, format!("a file of epoch '{}' is not in its listing", self.epoch)))
    }
}
