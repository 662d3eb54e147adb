//! Whether a store goes on with this database: asked at each connection, and before anything is drafted.
//!
//! | the store | is |
//! |---|---|
//! | is another database's, or holds what is no replica | refused: `super::owner` |
//! | has our epoch, and of it what was sent from here | gone on with |
//! | has our epoch and more, or other bytes | refused: this database was set back, or is a copy |
//! | was given another epoch since ours | refused likewise |
//! | has not our epoch, and is where its parent was left | given the epoch |
//!
//! A restore and `--takeover` are decisions of a person, which go before.

use pra_core::{Code, DatabaseId, EpochId};
use store::beside::Refusal;
use store::epoch::{self, Database, Found, Head, Held, Lease, Manifest, Parent, Writer};
use store::history::File;
use store::layout::{self, FileKey};

use super::sent::{END, Ledger, Mark, Sent};
use super::staging::{self, Name};
use super::state::State;
use super::worker::{Takeover, Worker, blocking, failed};

impl Worker {
    /// Leases the store and finds out how far it is.
    pub(super) async fn connect(&mut self, state: &State) -> pra_core::Result<Held> {
        self.store.probe().await?;
        let id = self.owner(state.is_successor || self.takeover.is_now()).await?;
        let writer = self.writer(state, id);
        let unchanged = match self.takeover {
            Takeover::Never => epoch::observe(&self.store, &writer).await?,
            Takeover::WhereRefused | Takeover::Now => None,
        };
        let takeover = self.takeover.is_now();
        let (mut held, found) = epoch::acquire_from(&self.store, &writer, takeover, unchanged.as_ref()).await?;
        let epochs = epoch::list_epochs(&self.store).await?;
        if is_known(&epochs, state.epoch) {
            match found {
                Found::Other(other) => return Err(self.refuse(self.superseded(&other)).await),
                Found::Mine(Lease { epoch: Some(epoch), .. }) if epoch != state.epoch && is_known(&epochs, epoch) => {
                    return Err(self.refuse(self.went_on(epoch)).await);
                }
                Found::Mine(_) | Found::Nothing => {}
            }
        } else {
            self.begin(state, id, &epochs, &found).await?;
        }
        let sent = self.sent(state.epoch).await?;
        let newest = self.compare(state.epoch, sent.as_ref()).await?;
        let position = newest.map_or(0, |file| file.max);
        held.renew(Head { epoch: state.epoch, txid: position, timestamp_ms: 0 }).await?;
        if self.takeover == Takeover::WhereRefused && !self.outbox.is_decided() {
            tracing::info!(replica = %self.store.url(), "there is nothing to take over: the epoch goes on");
        }
        // Once: who takes over from us later is not to be taken over from.
        self.takeover = Takeover::Never;
        let database = self.database.clone();
        let replica = self.store.url().to_string();
        blocking(move || match Refusal::load(&database)? {
            Some(refusal) if refusal.replica == replica => Refusal::forget(&database),
            _ => Ok(()),
        })
        .await?;
        staging::remove(&self.outbox.connected(self.id, state.epoch, position, 0));
        self.health.connected(self.id, state, newest);
        Ok(held)
    }

    /// Tells the store of an epoch that it does not know.
    async fn begin(&self, state: &State, id: DatabaseId, epochs: &[Manifest], found: &Found) -> pra_core::Result<()> {
        if !epochs.is_empty() && !state.is_successor && !self.takeover.is_now() {
            return Err(self.stranger());
        }
        let lease = match found {
            Found::Nothing => None,
            Found::Mine(lease) | Found::Other(lease) => Some(lease),
        };
        let leased = lease.and_then(|lease| lease.epoch).filter(|epoch| is_known(epochs, *epoch));
        let parent = match state.parent {
            Some(parent) if is_known(epochs, parent.epoch) => Some(parent),
            // Nothing here says it: the epoch that the last lease was for, else the newest.
            _ => match leased.or(epochs.iter().map(|manifest| manifest.epoch).max()) {
                Some(epoch) => Some(Parent { epoch, txid: self.position(epoch).await? }),
                None => None,
            },
        };
        if !state.was_decided && !self.takeover.is_now() {
            self.require_parent(parent, leased, found).await?;
        }
        epoch::create_epoch(&self.store, &self.manifest(state, id, parent)).await
    }

    /// The store must be where the parent was left, unless a person has decided otherwise.
    async fn require_parent(
        &self,
        parent: Option<Parent>,
        leased: Option<EpochId>,
        found: &Found,
    ) -> pra_core::Result<()> {
        if let Some(other) = leased.filter(|epoch| parent.is_none_or(|parent| parent.epoch != *epoch))
            && self.position(other).await? > 0
        {
            let error = match found {
                Found::Other(lease) => self.superseded(lease),
                Found::Mine(_) | Found::Nothing => self.went_on(other),
            };
            return Err(self.refuse(error).await);
        }
        if let Some(parent) = parent
            && let Some(sent) = self.sent(parent.epoch).await?
        {
            self.compare(parent.epoch, Some(&sent)).await?;
        }
        Ok(())
    }

    /// The newest file that the store has of `epoch`, all of which was sent from here.
    async fn compare(&self, epoch: EpochId, sent: Option<&Sent>) -> pra_core::Result<Option<File>> {
        let before = sent.map_or(0, |sent| sent.before);
        let last = sent.and_then(|sent| sent.last.as_ref());
        let objects = self.store.list(&epoch.to_string()).await?;
        let files = layout::files(&objects, self.store.url().scheme(), &epoch);
        for (key, file) in &files {
            let FileKey { level, min, max, encrypted } = *key;
            let name = Name { level, min, max, encrypted };
            let mark = match last.filter(|last| last.name == name) {
                Some(last) => last.clone(),
                None if max <= before => continue,
                // Made, sent and not noted: it still waits here, or it is not ours.
                None => match self.outbox.staged(epoch, name).map(|staged| Mark::of(&staged)).transpose() {
                    Ok(Some(mark)) => mark,
                    Ok(None) => return Err(self.refuse(self.ahead(max, before)).await),
                    Err(error) => return Err(failed(&error)),
                },
            };
            let key = key.key(self.store.url().scheme(), &epoch);
            let same = file.size == mark.bytes
                && self.store.get_range(&key, file.size.saturating_sub(END)..file.size).await?[..] == mark.end[..];
            if !same {
                return Err(self.refuse(self.differs(&key)).await);
            }
        }
        Ok(files.into_iter().map(|(_, file)| file).max_by_key(|file| file.max))
    }

    /// The last transaction that the store has of `epoch`, from any sender.
    async fn position(&self, epoch: EpochId) -> pra_core::Result<u64> {
        let objects = self.store.list(&epoch.to_string()).await?;
        let files = layout::files(&objects, self.store.url().scheme(), &epoch);
        Ok(files.iter().map(|(file, _)| file.max).max().unwrap_or(0))
    }

    async fn sent(&self, epoch: EpochId) -> pra_core::Result<Option<Sent>> {
        let ledger: Ledger = self.ledger.clone();
        blocking(move || ledger.load(epoch)).await
    }

    pub(super) fn writer(&self, state: &State, id: DatabaseId) -> Writer {
        Writer {
            id: state.writer,
            host: self.identity.host.clone(),
            namespace_uid: self.identity.namespace_uid.clone(),
            volume_uid: self.identity.volume_uid.clone(),
            database: Database { id, name: self.identity.database.clone() },
            path: self.identity.path.clone(),
        }
    }

    fn manifest(&self, state: &State, id: DatabaseId, parent: Option<Parent>) -> Manifest {
        Manifest {
            epoch: state.epoch,
            created_at: state.began_at,
            page_size: state.page_size,
            parent,
            writer: state.writer,
            encrypted: state.is_encrypted(),
            database: Database { id, name: self.identity.database.clone() },
        }
    }

    /// Keeps that the store refused, so that no later start makes anything of its own before it is decided.
    pub(super) async fn refuse(&self, error: pra_core::Error) -> pra_core::Error {
        let database = self.database.clone();
        let refusal = Refusal::of(self.store.url(), &error);
        if let Err(unkept) = blocking(move || refusal.keep(&database)).await {
            tracing::error!(error = unkept.chain(), "that the replica refused is not kept for the next start");
        }
        error
    }

    /// Another took over while we were away, and is gone again: what it wrote is not in this database.
    fn superseded(&self, other: &Lease) -> pra_core::Error {
        let Writer { id, host, .. } = &other.writer;
        pra_core::Error::new(Code::Busy, format!("{} was taken over by writer {id} on '{host}'", self.store.url()))
            .hint("restore from the replica, or begin a new epoch from what is here with --takeover")
    }

    /// This writer has begun another epoch there, of which this database knows nothing.
    fn went_on(&self, epoch: EpochId) -> pra_core::Error {
        pra_core::Error::new(
            Code::Busy,
            format!("{} has gone on with epoch {epoch}, of which this database knows nothing", self.store.url()),
        )
        .hint(SET_BACK)
    }

    /// The store holds the history of a database, and nothing says that this one comes from it.
    fn stranger(&self) -> pra_core::Error {
        pra_core::Error::new(
            Code::Busy,
            format!("{} holds the history of a database, and this one was not restored from it", self.store.url()),
        )
        .hint(
            "restore from it first (`backup-job init` or `restore`), give another prefix, or say --takeover: a new \
             epoch then goes on from what this database holds",
        )
    }

    /// The store has transactions that were never sent from here.
    fn ahead(&self, position: u64, sent: u64) -> pra_core::Error {
        pra_core::Error::new(
            Code::Busy,
            format!("{} has transaction {position}, and this database has only sent {sent}", self.store.url()),
        )
        .hint(SET_BACK)
    }

    /// The store has another file of this name.
    pub(super) fn differs(&self, key: &str) -> pra_core::Error {
        pra_core::Error::new(
            Code::Busy,
            format!("{} has another '{key}' than the one that was sent from here", self.store.url()),
        )
        .hint(SET_BACK)
    }
}

const SET_BACK: &str = "the volume was set back, or it is a copy. Nothing is replicated until you decide: `backup-job restore` \
     brings the replica's state here; --takeover begins a new epoch with what is here";

fn is_known(epochs: &[Manifest], epoch: EpochId) -> bool {
    epochs.iter().any(|manifest| manifest.epoch == epoch)
}
