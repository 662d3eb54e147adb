//! Brings what waits to one store.
//!
//! ```text
//! connect: probe ─ lease ─ manifest ─ listing (is it ours?) ──► serve: note, put, put, …  each 30 s: renew the lease
//!    ▲                                                             │
//!    └─── pause (1 s … 30 s) ◄── out of reach ◄────────────────────┤
//!                                                                  └── lost to another writer: the end
//! ```

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pra_core::{Code, Error, Result};
use store::beside::Refusal;
use store::epoch::{Head, Held, RENEW_EVERY};
use store::layout::FileKey;
use store::objects::{Content, Put, Store};
use tokio::sync::watch;
use tokio::time::Instant;

use super::health::{Health, Uploaded};
use super::outbox::{Early, Next, Outbox, StoreId};
use super::sent::{Ledger, Mark};
use super::staging::{Name, Staged};
use super::state::State;
use super::{staging, tidy};

/// Pauses after a store was out of reach: the first, and the longest. Doubled here and not by a crate, since a stop, a refusal
/// or a takeover ends a pause.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// After so long it is said that a store does not answer.
const SILENCE: Duration = Duration::from_secs(4);

/// How long a store may take to answer when it is time to stop.
const LEAVING: Duration = Duration::from_secs(1);

/// One store's worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) id: StoreId,
    pub(super) store: Store,
    pub(super) outbox: Arc<Outbox>,
    pub(super) health: Arc<Health>,
    pub(super) identity: Identity,
    /// Whether it takes the store from its current writer.
    pub(super) takeover: Takeover,
    /// The database that is replicated.
    pub(super) database: PathBuf,
    /// What the store was sent.
    pub(super) ledger: Ledger,
    pub(super) tidy: tidy::Options,
    pub(super) stop: watch::Receiver<bool>,
}

/// Who this is, for the lease and the manifest.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) host: String,
    pub(super) namespace_uid: Option<String>,
    pub(super) volume_uid: Option<String>,
    /// The database's file name.
    pub(super) database: String,
    /// Where it lies, without symbolic links.
    pub(super) path: PathBuf,
}

/// Whether a refusal of the store is overruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takeover {
    /// It ends the process.
    Never,
    /// Once it was refused, not before: who goes on without it takes nothing over.
    WhereRefused,
    /// It was refused: this time it takes the store.
    Now,
}

impl Takeover {
    pub(super) fn is_now(self) -> bool {
        self == Self::Now
    }
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
    /// [`Code::Busy`] and [`Code::Usage`]: trying again would not help. All else is tried again, and told to the
    /// health.
    pub(super) async fn run(mut self) -> pra_core::Result<()> {
        let mut pause = PAUSES.0;
        loop {
            let Some((state, opened)) = self.epoch().await else { return Ok(()) };
            let leaving = leaving(self.stop.clone());
            let connected = tokio::select! {
                connected = self.connect_aloud(&state) => connected,
                () = leaving => return Ok(()),
            };
            let ended = match connected {
                Ok(mut held) => {
                    pause = PAUSES.0;
                    self.outbox.answered(self.id);
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
                Err(error) if error.code() == Code::Busy && self.takeover == Takeover::WhereRefused => {
                    if !self.take_over(&error).await {
                        return Ok(());
                    }
                }
                Err(error) if matches!(error.code(), Code::Busy | Code::Usage) => return Err(self.lost(error)),
                Err(error) => {
                    if let Some(refusal) = self.refusal().await? {
                        return Err(self.lost(refusal.again(&error)));
                    }
                    self.health.trouble(self.id, &error);
                    self.outbox.answered(self.id);
                    if self.stopped(pause).await {
                        return Ok(());
                    }
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// The store has refused, and is to be taken over: in a new epoch, of which the process begins one at most. `false`
    /// where it is time to stop.
    async fn take_over(&mut self, refused: &pra_core::Error) -> bool {
        tracing::warn!(replica = %self.store.url(), reason = refused.chain(), "the replica is taken over");
        self.takeover = Takeover::Now;
        let mut changes = self.outbox.subscribe();
        self.outbox.ask_for_takeover();
        while !self.outbox.is_decided() {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return false },
                _ = self.stop.wait_for(|stop| *stop) => return false,
            }
        }
        true
    }

    /// Connects, and says so where the store takes its time.
    async fn connect_aloud(&mut self, state: &State) -> pra_core::Result<Held> {
        let (health, id) = (Arc::clone(&self.health), self.id);
        let mut connecting = pin!(self.connect(state));
        tokio::select! {
            connected = &mut connecting => return connected,
            () = tokio::time::sleep(SILENCE) => {}
        }
        health.awaits(id);
        connecting.await
    }

    /// No more is to be made for this store.
    fn lost(&self, error: pra_core::Error) -> pra_core::Error {
        self.outbox.refused(self.id);
        error
    }

    /// What the store said at an earlier start, where that still holds.
    async fn refusal(&self) -> pra_core::Result<Option<Refusal>> {
        let (database, replica) = (self.database.clone(), self.store.url().to_string());
        let refusal = blocking(move || Refusal::load(&database)).await?;
        Ok(refusal.filter(|refusal| refusal.replica == replica))
    }

    /// The epoch once it is known what its pages are like; `None` where it is time to stop.
    async fn epoch(&mut self) -> Option<(State, u64)> {
        let mut changes = self.outbox.subscribe();
        loop {
            if let (Some(state), opened) = self.outbox.epoch()
                && state.page_size > 0
            {
                return Some((state, opened));
            }
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
        }
    }

    async fn serve(&mut self, state: &State, opened: u64, held: &mut Held) -> pra_core::Result<End> {
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
                // The engine notes it, once it is whole.
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
                    self.note(state, &staged).await?;
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

    /// Does `work`, which may take longer than a lease lasts, and renews that each time it is due.
    async fn holding<T>(
        &self,
        state: &State,
        held: &mut Held,
        due: &mut Instant,
        work: impl Future<Output = pra_core::Result<T>>,
    ) -> pra_core::Result<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(*due) => match self.renew(state, held).await {
                    Ok(()) => {}
                    // Who has lost it writes nothing more. All else has time until the lease expires.
                    Err(error) if error.code() == Code::Busy => return Err(error),
                    Err(error) => tracing::warn!(error = error.chain(), "the lease on a replica was not renewed"),
                },
            }
            *due = Instant::now() + RENEW_EVERY;
        }
    }

    /// Says that we are there, and how far the store is.
    async fn renew(&self, state: &State, held: &mut Held) -> pra_core::Result<()> {
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
    ) -> pra_core::Result<()> {
        let Name { level, min, max, encrypted } = name;
        let key = FileKey { level, min, max, encrypted }.key(self.store.url().scheme(), &state.epoch);
        let began = Instant::now();
        let at_ms = i64::try_from(timestamp_ms).unwrap_or(i64::MAX);
        let put = self.store.put_new(&key, content.clone(), at_ms);
        let put = match self.holding(state, held, renew, put).await {
            // Of the lease, or of the object? Where the lease is still ours, the object is not.
            Err(error) if error.code() == Code::Busy => {
                self.renew(state, held).await?;
                return Err(self.refuse(self.differs(&key).because(error.chain())).await);
            }
            put => put?,
        };
        let bytes = content.len();
        tracing::debug!(store = %self.store.url(), key, bytes, again = put == Put::Same, "uploaded");
        self.health.uploaded(self.id, Uploaded { txid: max, bytes, timestamp_ms, took: began.elapsed() });
        staging::remove(&self.outbox.delivered(self.id, state.epoch, name, timestamp_ms));
        Ok(())
    }

    /// Notes what the store is about to be given, and what it has by then.
    async fn note(&self, state: &State, staged: &Staged) -> pra_core::Result<()> {
        let (queues, _) = self.outbox.positions();
        let before = queues.get(self.id).and_then(|queue| queue.position).unwrap_or(0);
        let (ledger, epoch, staged) = (self.ledger.clone(), state.epoch, staged.clone());
        blocking(move || {
            if staged.name.max > before {
                ledger.about_to_send(epoch, before, Mark::of(&staged)?)
            } else {
                ledger.confirmed(epoch, before)
            }
        })
        .await
    }

    /// Waits; whether it is time to stop.
    async fn stopped(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.stop.wait_for(|stop| *stop)).await.is_ok()
    }
}

/// Ends once it is time to stop, and what was on its way had time to arrive: a lease that was just taken is given back.
async fn leaving(mut stop: watch::Receiver<bool>) {
    // An error says that the sender is gone: no request to stop can come.
    if stop.wait_for(|stop| *stop).await.is_ok() {
        tokio::time::sleep(LEAVING).await;
    }
}

/// Does work on the disk where it holds up no other.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> pra_core::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(&error)),
        Err(error) => Err(pra_core::Error::new(Code::Failed, "a thread that worked on the disk died").because(error)),
    }
}

/// Something on our side.
pub(super) fn failed(error: &Error) -> pra_core::Error {
    let failed = pra_core::Error::new(Code::Failed, error.chain());
    match error.hint_text() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// The staged file; `None` where it was let go.
fn open(staged: &Staged) -> pra_core::Result<Option<Content>> {
    match Content::open(&staged.path) {
        Ok(content) => Ok(Some(content)),
        Err(_) if !staged.path.exists() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
