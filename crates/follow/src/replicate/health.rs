//! How each store is: for the log, the start's JSON lines, and the status.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pra_core::EpochId;
use serde::Serialize;
use store::history::File;

use super::outbox::StoreId;
use super::state::State;

/// Time between two lines about the same trouble.
const REPEAT: Duration = Duration::from_secs(60);

/// One store, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StoreHealth {
    /// Its URL.
    pub replica: String,
    /// The epoch that is written there; null before it was reached.
    pub epoch: Option<EpochId>,
    /// The last transaction that it has.
    pub txid: u64,
    /// The instant that could be restored from it, in ms since 1970; 0 where nothing could.
    pub reached_ms: u64,
    /// The first instant that could be, in ms since 1970, where that is known.
    pub window_from_ms: Option<i64>,
    /// Objects written since the start.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Time that their writing took, in seconds.
    pub seconds: f64,
    /// Times that something blocked it.
    pub failures: u64,
    /// What blocks it now.
    pub trouble: Option<String>,
    /// Whether that is only that it has not answered yet.
    #[serde(skip)]
    pub(super) is_awaited: bool,
}

impl StoreHealth {
    /// Whether it is known that the store cannot be used now.
    pub(super) fn is_away(&self) -> bool {
        self.trouble.is_some() && !self.is_awaited
    }
}

/// A file that a store has now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uploaded {
    /// Its last transaction.
    pub(super) txid: u64,
    /// Its size.
    pub(super) bytes: u64,
    /// When its snapshot was opened, in ms since 1970.
    pub(super) timestamp_ms: u64,
    /// How long it took to write.
    pub(super) took: Duration,
}

/// The line that is printed when a store is reached.
#[derive(Debug, Serialize)]
struct Reached<'a> {
    replica: &'a str,
    epoch: EpochId,
    txid: u64,
    snapshot: bool,
}

/// All stores.
#[derive(Debug)]
pub(super) struct Health {
    stores: Mutex<Vec<(StoreHealth, Option<Instant>)>>,
    /// Whether a line is printed when a store is reached.
    announce: bool,
}

impl Health {
    pub(super) fn new(replicas: impl IntoIterator<Item = String>, announce: bool) -> Self {
        let store = |replica| (StoreHealth { replica, ..StoreHealth::default() }, None);
        Self { stores: Mutex::new(replicas.into_iter().map(store).collect()), announce }
    }

    /// The store was reached; `newest` is the newest file that it has of this epoch.
    pub(super) fn connected(&self, store: StoreId, state: &State, newest: Option<File>) {
        let position = newest.map_or(0, |file| file.max);
        let stored =
            newest.and_then(|file| Timestamp::from_millisecond(file.stored_ms).ok()).map(tracing::field::display);
        let mut stores = self.lock();
        let Some((health, _)) = stores.get_mut(store) else { return };
        health.epoch = Some(state.epoch);
        health.txid = position;
        health.trouble = None;
        tracing::info!(replica = health.replica, epoch = %state.epoch, txid = position, stored, "the replica is reached");
        if self.announce {
            let reached =
                Reached { replica: &health.replica, epoch: state.epoch, txid: position, snapshot: position == 0 };
            match serde_json::to_string(&reached) {
                // Who reads no further has had enough: that is no reason to stop.
                Ok(line) => drop(writeln!(io::stdout().lock(), "{line}")),
                Err(error) => tracing::error!(%error, "failed to print what was reached"),
            }
        }
    }

    /// The store has a further file.
    pub(super) fn uploaded(&self, store: StoreId, file: Uploaded) {
        let Uploaded { txid, bytes, timestamp_ms, took } = file;
        let mut stores = self.lock();
        let Some((health, _)) = stores.get_mut(store) else { return };
        health.objects += 1;
        health.bytes += bytes;
        health.seconds += took.as_secs_f64();
        health.trouble = None;
        if txid > health.txid {
            (health.txid, health.reached_ms) = (txid, timestamp_ms);
        }
    }

    /// What is in the store reaches back to here.
    pub(super) fn reaches_back(&self, store: StoreId, window_from_ms: Option<i64>) {
        if let Some((health, _)) = self.lock().get_mut(store) {
            health.window_from_ms = window_from_ms;
        }
    }

    /// The store takes its time to answer.
    pub(super) fn awaits(&self, store: StoreId) {
        let mut stores = self.lock();
        let Some((health, _)) = stores.get_mut(store) else { return };
        tracing::warn!(replica = health.replica, "the replica has not answered yet");
        if health.trouble.is_none() {
            health.trouble = Some("it has not answered yet".to_owned());
            health.is_awaited = true;
        }
    }

    /// Something blocks it; logged once a minute while it stays the same.
    pub(super) fn trouble(&self, store: StoreId, error: &pra_core::Error) {
        let mut stores = self.lock();
        let Some((health, said)) = stores.get_mut(store) else { return };
        let text = error.chain();
        health.failures += 1;
        health.is_awaited = false;
        if health.trouble.as_ref() != Some(&text) || said.is_none_or(|at| at.elapsed() >= REPEAT) {
            tracing::error!(replica = health.replica, error = text, hint = error.hint_text(), "the replica lags");
            *said = Some(Instant::now());
        }
        health.trouble = Some(text);
    }

    /// All stores as they are now.
    pub(super) fn stores(&self) -> Vec<StoreHealth> {
        self.lock().iter().map(|(health, _)| health.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(StoreHealth, Option<Instant>)>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
