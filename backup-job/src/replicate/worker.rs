//! Brings what waits to one store.
//!
//! ```text
//! connect: probe ─ claim ─ manifest ─ listing (its position) ──► serve: put, put, …  each 30 s: renew the claim
//!    ▲                                                             │
//!    └─── pause (1 s … 30 s) ◄── out of reach ◄────────────────────┤
//!                                                                  └── lost to another writer: the end
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use replica::epoch::{self, Claim, EpochId, Found, Head, Held, Manifest, Parent, RENEW_EVERY, Writer};
use replica::error::Kind;
use replica::layout::{self, FileKey};
use replica::store::{Content, Put, Store};
use tokio::sync::watch;
use tokio::time::Instant;

use super::health::{Health, Uploaded};
use super::outbox::{Early, Next, Outbox, StoreId};
use super::staging::{Name, Staged};
use super::state::State;
use super::{staging, tidy};

/// Pauses after a store was out of reach: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One store's worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) id: StoreId,
    pub(super) store: Store,
    pub(super) outbox: Arc<Outbox>,
    pub(super) health: Arc<Health>,
    pub(super) identity: Identity,
    pub(super) takeover: bool,
    /// The epoch, and the last of its transactions that was sent; whether it arrived may not be known.
    pub(super) attempted: (Option<EpochId>, u64),
    pub(super) tidy: tidy::Options,
    pub(super) stop: watch::Receiver<bool>,
}

/// Who this is, for the claim and the manifest.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) host: String,
    pub(super) namespace_uid: Option<String>,
    pub(super) volume_uid: Option<String>,
    /// The database's file name.
    pub(super) database: String,
}

/// Why serving ended.
enum End {
    /// An epoch was opened: another one, or the same again.
    Epoch,
    /// Asked to.
    Stop,
}

impl Worker {
    /// Works until it is told to stop.
    ///
    /// # Errors
    /// [`Kind::Conflict`] and [`Kind::Usage`]: trying again would not help. All else is tried again, and told to the
    /// health.
    pub(super) async fn run(mut self) -> replica::Result<()> {
        let mut pause = PAUSES.0;
        loop {
            let Some((state, opened)) = self.epoch().await else { return Ok(()) };
            if self.attempted.0 != Some(state.epoch) {
                self.attempted = (Some(state.epoch), 0);
            }
            let ended = match self.connect(&state).await {
                Ok(mut held) => {
                    pause = PAUSES.0;
                    let ended = self.serve(&state, opened, &mut held).await;
                    if matches!(ended, Ok(End::Stop)) {
                        // The head must say what a restore can expect.
                        self.renew(&state, &mut held).await?;
                        return held.release().await;
                    }
                    ended
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(End::Epoch) => {}
                Ok(End::Stop) => return Ok(()),
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::Usage) => return Err(error),
                Err(error) => {
                    self.health.trouble(self.id, &error);
                    if self.stopped(pause).await {
                        return Ok(());
                    }
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// The epoch once it has a first transaction, or that one is being made; `None` where it is time to stop.
    async fn epoch(&mut self) -> Option<(State, u64)> {
        let mut changes = self.outbox.subscribe();
        loop {
            if let (Some(state), opened) = self.outbox.epoch()
                && (self.outbox.positions().1 > 0 || self.early().is_some())
            {
                return Some((state, opened));
            }
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    async fn connect(&mut self, state: &State) -> replica::Result<Held> {
        self.store.probe().await?;
        let (mut held, found) = epoch::acquire(&self.store, &self.writer(state), self.takeover).await?;
        let epochs = epoch::list_epochs(&self.store).await?;
        match (epochs.iter().any(|manifest| manifest.epoch == state.epoch), found) {
            (true, Found::Other(other)) => return Err(self.superseded(&other)),
            (true, _) => {}
            (false, _) if !epochs.is_empty() && !state.is_successor && !self.takeover => {
                return Err(self.stranger());
            }
            (false, found) => {
                let parent = match state.parent {
                    Some(parent) if epochs.iter().any(|manifest| manifest.epoch == parent.epoch) => Some(parent),
                    _ => self.parent(&epochs, &found).await?,
                };
                epoch::create_epoch(&self.store, &self.manifest(state, parent)).await?;
            }
        }
        let position = self.position(state.epoch).await?;
        // What this process has brought there, or one before it that this one goes on from.
        let ours = self.attempted.1.max(self.outbox.opened_at());
        if position > ours {
            return Err(self.ahead(position, ours));
        }
        held.renew(Head { epoch: state.epoch, txid: position, timestamp_ms: 0 }).await?;
        staging::remove(&self.outbox.connected(self.id, state.epoch, position, 0));
        self.health.connected(self.id, state, position);
        Ok(held)
    }

    /// What a new epoch goes on from where nothing here says it: the one that the last claim was for, else the newest.
    async fn parent(&self, epochs: &[Manifest], found: &Found) -> replica::Result<Option<Parent>> {
        let claimed = match found {
            Found::Nothing => None,
            Found::Mine(claim) | Found::Other(claim) => claim.epoch,
        };
        let known = claimed.filter(|epoch| epochs.iter().any(|manifest| manifest.epoch == *epoch));
        let Some(epoch) = known.or(epochs.iter().map(|manifest| manifest.epoch).max()) else { return Ok(None) };
        Ok(Some(Parent { epoch, txid: self.position(epoch).await? }))
    }

    /// The last transaction that the store has of `epoch`.
    async fn position(&self, epoch: EpochId) -> replica::Result<u64> {
        let objects = self.store.list(&epoch.to_string()).await?;
        let files = layout::files(&objects, self.store.url().scheme(), &epoch);
        Ok(files.iter().map(|(file, _)| file.max).max().unwrap_or(0))
    }

    fn writer(&self, state: &State) -> Writer {
        Writer {
            id: state.writer,
            host: self.identity.host.clone(),
            namespace_uid: self.identity.namespace_uid.clone(),
            volume_uid: self.identity.volume_uid.clone(),
        }
    }

    fn manifest(&self, state: &State, parent: Option<Parent>) -> Manifest {
        Manifest {
            epoch: state.epoch,
            created_at: state.began_at,
            page_size: state.page_size,
            parent,
            writer: state.writer,
            sealed: state.sealed,
            database: self.identity.database.clone(),
        }
    }

    async fn serve(&mut self, state: &State, opened: u64, held: &mut Held) -> replica::Result<End> {
        let mut changes = self.outbox.subscribe();
        let mut renew = Instant::now() + RENEW_EVERY;
        let mut tidy = Instant::now();
        loop {
            if *self.stop.borrow() {
                return Ok(End::Stop);
            }
            if self.outbox.epoch().1 != opened {
                return Ok(End::Epoch);
            }
            if Instant::now() >= renew {
                self.renew(state, held).await?;
                renew = Instant::now() + RENEW_EVERY;
            }
            if Instant::now() >= tidy {
                let window_from_ms = self.tidy.run(&self.store, &state.epoch).await?;
                self.health.reaches_back(self.id, window_from_ms);
                tidy = Instant::now() + self.tidy.every;
            }
            if let Some(Early { name, file, timestamp_ms }) = self.early() {
                let sent = self.put(state, held, &mut renew, name, file.clone().into(), timestamp_ms).await;
                // Why it was given up is the engine's to say; there will be another one.
                if !file.is_given_up() {
                    sent?;
                    tidy = Instant::now();
                }
                continue;
            }
            match self.outbox.next(self.id) {
                Next::File(staged) => {
                    let Some(content) = open(&staged)? else {
                        self.outbox.gone(self.id, staged.name);
                        continue;
                    };
                    let Staged { name, timestamp_ms, .. } = staged;
                    self.put(state, held, &mut renew, name, content, timestamp_ms).await?;
                    // What can be restored begins here, or some of it is needed no more.
                    if name.min == 1 {
                        tidy = Instant::now();
                    }
                }
                Next::CatchUp | Next::Nothing => {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = tokio::time::sleep_until(renew.min(tidy)) => {}
                        _ = self.stop.wait_for(|stop| *stop) => {}
                    }
                }
            }
        }
    }

    /// Does `work`, which may take longer than a claim lasts, and renews that each time it is due.
    async fn holding<T>(
        &self,
        state: &State,
        held: &mut Held,
        due: &mut Instant,
        work: impl Future<Output = replica::Result<T>>,
    ) -> replica::Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(*due) => match self.renew(state, held).await {
                    Ok(()) => {}
                    // Who has lost it writes nothing more. All else has time until the claim expires.
                    Err(error) if error.kind() == Kind::Conflict => return Err(error),
                    Err(error) => tracing::warn!(error = error.chain(), "the claim on a replica was not renewed"),
                },
            }
            *due = Instant::now() + RENEW_EVERY;
        }
    }

    /// Says that we are there, and how far the store is.
    async fn renew(&self, state: &State, held: &mut Held) -> replica::Result<()> {
        let (queues, _) = self.outbox.positions();
        let at = queues.get(self.id).copied().unwrap_or_default();
        let timestamp_ms = i64::try_from(at.timestamp_ms).unwrap_or(i64::MAX);
        held.renew(Head { epoch: state.epoch, txid: at.position.unwrap_or(0), timestamp_ms }).await
    }

    /// What this store may be given before it is whole.
    fn early(&self) -> Option<Early> {
        self.outbox.early().filter(|_| self.store.takes_parts())
    }

    async fn put(
        &mut self,
        state: &State,
        held: &mut Held,
        renew: &mut Instant,
        name: Name,
        content: Content,
        timestamp_ms: u64,
    ) -> replica::Result<()> {
        let Name { level, min, max, sealed } = name;
        let key = FileKey { level, min, max, sealed }.key(self.store.url().scheme(), &state.epoch);
        self.attempted.1 = self.attempted.1.max(max);
        let began = Instant::now();
        let at_ms = i64::try_from(timestamp_ms).unwrap_or(i64::MAX);
        let put = self.store.put_new(&key, content.clone(), at_ms);
        let put = self.holding(state, held, renew, put).await?;
        let bytes = content.len();
        tracing::debug!(store = %self.store.url(), key, bytes, again = put == Put::Same, "uploaded");
        self.health.uploaded(self.id, Uploaded { txid: max, bytes, timestamp_ms, took: began.elapsed() });
        staging::remove(&self.outbox.delivered(self.id, state.epoch, name, timestamp_ms));
        Ok(())
    }

    /// Another took over while we were away, and is gone again: what it wrote is not in this database.
    fn superseded(&self, other: &Claim) -> replica::Error {
        replica::Error::new(
            Kind::Conflict,
            format!("{} was taken over by writer {} on '{}'", self.store.url(), other.writer.id, other.writer.host),
        )
        .hint("restore from the replica, or begin a new epoch from what is here with --takeover")
    }

    /// The store holds the history of a database, and nothing says that this one comes from it.
    fn stranger(&self) -> replica::Error {
        replica::Error::new(
            Kind::Conflict,
            format!("{} holds the history of a database, and this one was not restored from it", self.store.url()),
        )
        .hint(
            "restore from it first (`backup-job init` or `restore`), give another prefix, or say --takeover: a new \
             epoch then goes on from what this database holds",
        )
    }

    /// The store has transactions that this database has never made: its files are older than they should be.
    fn ahead(&self, position: u64, sent: u64) -> replica::Error {
        replica::Error::new(
            Kind::Conflict,
            format!("{} has transaction {position}, and this database has only sent {sent}", self.store.url()),
        )
        .hint("the volume was set back, or it is a copy: --takeover begins a new epoch from here")
    }

    /// Waits; whether it is time to stop.
    async fn stopped(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stop.wait_for(|stop| *stop)).await.is_ok()
    }
}

/// The staged file; `None` where it was let go.
fn open(staged: &Staged) -> replica::Result<Option<Content>> {
    match Content::open(&staged.path) {
        Ok(content) => Ok(Some(content)),
        Err(_) if !staged.path.exists() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
