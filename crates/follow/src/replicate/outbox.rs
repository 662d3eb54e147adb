//! What waits for the stores: shared between the engine, which makes files, and one worker for each store.
//!
//! All stores get the same files of level 0 in the same order. A store that is away lets them pile up until the limit;
//! then they are let go, and when it comes back it gets one file with all that it has missed, made from the live database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pra_core::EpochId;
use store::objects::GrowingFile;
use tokio::sync::watch;

use super::levels::SNAPSHOT;
use super::staging::{Name, Staged};
use super::state::State;

/// The number of a store, in the order of the configuration.
pub(super) type StoreId = usize;

/// The shared queue.
#[derive(Debug)]
pub(super) struct Outbox {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
    /// Staged bytes above which stores that lag lose their place in the queue.
    limit: u64,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<Name, Waiting>,
    stores: Vec<Queue>,
    /// What each store has said; empty where none was asked.
    asked: Vec<Asked>,
    /// The epoch that is written.
    epoch: Option<State>,
    /// The last transaction that was made.
    txid: u64,
    timestamp_ms: u64,
    /// The last instant at which the database was seen to be what was shipped, in ms since 1970; 0: never since then.
    looked_ms: u64,
    /// What keeps the database from being followed.
    trouble: Option<String>,
    /// What SQLite's checks said of it when they last looked.
    warnings: Option<Vec<String>>,
    /// The epoch's first file, while it is made.
    early: Option<Early>,
    /// Whether a store has refused, and is to be taken over.
    wants_takeover: bool,
    /// Whether this process has begun an epoch that a person decided on: it takes over once.
    is_decided: bool,
    /// Counts the openings: what a worker knew of the queue before is gone.
    opened: u64,
}

#[derive(Debug)]
struct Waiting {
    staged: Staged,
    stores: BTreeSet<StoreId>,
}

/// Where a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Queue {
    /// Its last transaction; `None` before its listing was read.
    pub(super) position: Option<u64>,
    /// When that transaction's snapshot was opened, in ms since 1970; 0 where it is not known.
    pub(super) timestamp_ms: u64,
}

/// Whether a store goes on with what is made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// It does, or could not be asked.
    Answered,
    /// It has not said yet.
    Waiting,
    /// It does not, for as long as this process runs.
    Refused,
}

/// A whole database on its way into its file: a store that takes parts is given those that are there.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) name: Name,
    pub(super) file: GrowingFile,
    /// When its snapshot was opened, in ms since 1970.
    pub(super) timestamp_ms: u64,
}

/// The state of a store, for monitoring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its last transaction.
    pub(super) txid: u64,
    /// Everything committed before this instant is in it, in ms since 1970; 0 where that is not known.
    pub(super) synced_ms: u64,
    /// Files that wait for it.
    pub(super) files: u64,
    /// Bytes of them.
    pub(super) bytes: u64,
}

/// What a store is to be given next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This file.
    File(Staged),
    /// The files that go on from its position are gone: the engine is to make one.
    CatchUp,
    /// Nothing.
    Nothing,
}

impl Outbox {
    /// For so many stores.
    pub(super) fn new(stores: usize, limit: u64) -> Self {
        let inner = Inner { stores: vec![Queue::default(); stores], ..Inner::default() };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(0), limit }
    }

    /// Wakes at each change.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// An epoch is opened whose last transaction is `txid`; `files` were left from before.
    pub(super) fn begin(&self, state: &State, txid: u64, timestamp_ms: u64, files: Vec<Staged>) {
        let mut inner = self.lock();
        inner.epoch = Some(state.clone());
        let stores = 0..inner.stores.len();
        inner.files = files
            .into_iter()
            .map(|staged| (staged.name, Waiting { staged, stores: stores.clone().collect() }))
            .collect();
        inner.stores.fill(Queue::default());
        inner.opened += 1;
        (inner.txid, inner.timestamp_ms) = (txid, timestamp_ms);
        inner.looked_ms = 0;
        inner.early = None;
        drop(inner);
        self.wake();
    }

    /// The epoch's first file is being made. It is for a store that has nothing, until [`Self::add`] says that it is
    /// there; who has begun with it goes on to its end.
    pub(super) fn announce(&self, early: Early) {
        self.lock().early = Some(early);
        self.wake();
    }

    /// What is being made for a store that has nothing.
    pub(super) fn early(&self) -> Option<Early> {
        self.lock().early.clone().filter(|early| !early.file.is_given_up())
    }

    /// A file was made, for all stores or for one. Returns what is let go for it.
    pub(super) fn add(&self, staged: Staged, only: Option<BTreeSet<StoreId>>) -> Vec<Staged> {
        let mut inner = self.lock();
        if staged.name.max > inner.txid {
            (inner.txid, inner.timestamp_ms) = (staged.name.max, staged.timestamp_ms);
        }
        inner.early.take_if(|early| early.name == staged.name);
        let stores = only.unwrap_or_else(|| (0..inner.stores.len()).collect());
        // One that is made anew for another store takes the place of its namesake for all.
        let waiting = inner.files.remove(&staged.name).map(|waiting| waiting.stores).unwrap_or_default();
        inner.files.insert(staged.name, Waiting { staged, stores: stores.union(&waiting).copied().collect() });
        let dropped = inner.evict(self.limit);
        drop(inner);
        self.wake();
        dropped
    }

    /// The epoch that is written, `None` before there is a database; and how often one was opened.
    pub(super) fn epoch(&self) -> (Option<State>, u64) {
        let inner = self.lock();
        (inner.epoch.clone(), inner.opened)
    }

    /// The store's listing of `epoch` says that it has everything up to `position`.
    pub(super) fn connected(&self, store: StoreId, epoch: EpochId, position: u64, timestamp_ms: u64) -> Vec<Staged> {
        let mut inner = self.lock();
        if !inner.writes(epoch) {
            return Vec::new();
        }
        if let Some(queue) = inner.stores.get_mut(store) {
            *queue = Queue { position: Some(position), timestamp_ms };
        }
        let dropped = inner.sweep();
        drop(inner);
        self.wake();
        dropped
    }

    /// The store has this file of `epoch` now. Returns the files that no store waits for any more.
    pub(super) fn delivered(&self, store: StoreId, epoch: EpochId, name: Name, timestamp_ms: u64) -> Vec<Staged> {
        let mut inner = self.lock();
        if !inner.writes(epoch) {
            return Vec::new();
        }
        if let Some(waiting) = inner.files.get_mut(&name) {
            waiting.stores.remove(&store);
        }
        if let Some(queue) = inner.stores.get_mut(store)
            && queue.position.is_some_and(|position| position < name.max)
        {
            *queue = Queue { position: Some(name.max), timestamp_ms };
        }
        let dropped = inner.sweep();
        drop(inner);
        self.wake();
        dropped
    }

    /// The file is staged no more: it was let go, or its namesake was delivered when it had just been made anew. A store
    /// that needs what was in it is given another one.
    pub(super) fn gone(&self, store: StoreId, name: Name) {
        let mut inner = self.lock();
        if let Some(waiting) = inner.files.get_mut(&name) {
            waiting.stores.remove(&store);
            if waiting.stores.is_empty() {
                inner.files.remove(&name);
            }
        }
        drop(inner);
        self.wake();
    }

    /// What the store is to be given next: transactions first, then compacted files and snapshots.
    pub(super) fn next(&self, store: StoreId) -> Next {
        let inner = self.lock();
        let Some(position) = inner.stores.get(store).and_then(|queue| queue.position) else { return Next::Nothing };
        if position < inner.txid {
            let goes_on = |name: &Name| name.leads_on_from(position);
            let file = inner.files.values().filter(|waiting| waiting.stores.contains(&store));
            let file =
                file.filter(|waiting| goes_on(&waiting.staged.name)).max_by_key(|waiting| waiting.staged.name.max);
            return file.map_or(Next::CatchUp, |waiting| Next::File(waiting.staged.clone()));
        }
        let mut rest = inner.files.values().filter(|waiting| waiting.stores.contains(&store));
        rest.next().map_or(Next::Nothing, |waiting| Next::File(waiting.staged.clone()))
    }

    /// The stores that need a file made for them, and from which transaction on.
    pub(super) fn catch_ups(&self) -> Vec<(StoreId, u64)> {
        let stores = self.lock().stores.clone();
        let needs = |store: StoreId| self.next(store) == Next::CatchUp;
        (0..).zip(stores).filter(|(store, _)| needs(*store)).map(|(id, q)| (id, q.position.unwrap_or(0) + 1)).collect()
    }

    /// The database as it was at `at_ms` is what was shipped.
    pub(super) fn looked(&self, at_ms: u64) {
        self.lock().looked_ms = at_ms;
    }

    /// The state of each store.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let inner = self.lock();
        let standing = |(store, queue): (StoreId, &Queue)| {
            let waits = inner.files.values().filter(|waiting| waiting.stores.contains(&store));
            let (files, bytes) =
                waits.fold((0, 0), |(files, bytes), waiting| (files + 1, bytes + waiting.staged.bytes));
            let has_all = inner.txid > 0 && queue.position == Some(inner.txid);
            let synced_ms = if has_all { inner.looked_ms } else { 0 }.max(queue.timestamp_ms);
            Standing { txid: queue.position.unwrap_or(0), synced_ms, files, bytes }
        };
        (0..).zip(&inner.stores).map(standing).collect()
    }

    /// Bytes that wait beside the database.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes()
    }

    /// The file of `epoch` that waits here under this name.
    pub(super) fn staged(&self, epoch: EpochId, name: Name) -> Option<Staged> {
        let inner = self.lock();
        inner.files.get(&name).filter(|_| inner.writes(epoch)).map(|waiting| waiting.staged.clone())
    }

    /// Nothing is to be made before each store has answered once, or was found out of reach.
    pub(super) fn ask_first(&self) {
        let mut inner = self.lock();
        inner.asked = vec![Asked::Waiting; inner.stores.len()];
    }

    /// Something keeps the database from being followed, or nothing does any more.
    pub(super) fn suffers(&self, trouble: Option<String>) {
        self.lock().trouble = trouble;
    }

    /// What keeps the database from being followed.
    pub(super) fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// The database was checked, and this was said that is no damage.
    pub(super) fn was_checked(&self, warnings: Vec<String>) {
        self.lock().warnings = Some(warnings);
    }

    /// What the checks said; `None`: they were not run yet.
    pub(super) fn warnings(&self) -> Option<Vec<String>> {
        self.lock().warnings.clone()
    }

    /// The store has answered, or is out of reach.
    pub(super) fn answered(&self, store: StoreId) {
        self.answer(store, Asked::Answered);
    }

    /// The store has another writer or another history.
    pub(super) fn refused(&self, store: StoreId) {
        self.answer(store, Asked::Refused);
    }

    /// The store has refused, and is to be taken over: with an epoch that was decided on.
    pub(super) fn ask_for_takeover(&self) {
        self.lock().wants_takeover = true;
        self.wake();
    }

    /// Whether an epoch is to begin that takes a store over.
    pub(super) fn wants_takeover(&self) -> bool {
        let inner = self.lock();
        inner.wants_takeover && !inner.is_decided
    }

    /// The epoch that has just begun was decided on by a person.
    pub(super) fn decided(&self) {
        self.lock().is_decided = true;
        self.wake();
    }

    /// Whether such an epoch has begun.
    pub(super) fn is_decided(&self) -> bool {
        self.lock().is_decided
    }

    /// What the stores say to a further transaction.
    pub(super) fn asked(&self) -> Asked {
        self.lock().asked.iter().copied().max().unwrap_or(Asked::Answered)
    }

    fn answer(&self, store: StoreId, answer: Asked) {
        if let Some(asked) = self.lock().asked.get_mut(store).filter(|asked| **asked != Asked::Refused) {
            *asked = answer;
        }
        self.wake();
    }

    /// Whether the database was once seen to be what was shipped.
    pub(super) fn has_looked(&self) -> bool {
        self.lock().looked_ms > 0
    }

    /// Whether every store has everything.
    pub(super) fn is_settled(&self) -> bool {
        let inner = self.lock();
        inner.looked_ms > 0
            && inner.stores.iter().all(|queue| queue.position == Some(inner.txid))
            && inner.files.is_empty()
    }

    /// Where each store is, and the last transaction that was made.
    pub(super) fn positions(&self) -> (Vec<Queue>, u64) {
        let inner = self.lock();
        (inner.stores.clone(), inner.txid)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before it can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

impl Inner {
    fn writes(&self, epoch: EpochId) -> bool {
        self.epoch.as_ref().is_some_and(|state| state.epoch == epoch)
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|waiting| waiting.staged.bytes).sum()
    }

    /// Files that no store waits for or needs.
    fn sweep(&mut self) -> Vec<Staged> {
        let stores = &self.stores;
        for Waiting { staged, stores: waiting } in self.files.values_mut() {
            waiting.retain(|store| {
                let position = stores.get(*store).and_then(|queue| queue.position);
                !position.is_some_and(|position| staged.name.is_superseded_at(position))
            });
        }
        self.take(|waiting| waiting.stores.is_empty())
    }

    /// Above the limit everything goes but the newest file: who still waits is given one that was made for it.
    fn evict(&mut self, limit: u64) -> Vec<Staged> {
        if self.bytes() <= limit {
            return Vec::new();
        }
        let txid = self.txid;
        self.take(|waiting| waiting.staged.name.max < txid)
    }

    fn take(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Staged> {
        let names: Vec<Name> = self.files.iter().filter(|(_, waiting)| which(waiting)).map(|(name, _)| *name).collect();
        names.into_iter().filter_map(|name| self.files.remove(&name)).map(|waiting| waiting.staged).collect()
    }
}

impl Name {
    /// Whether a store that has everything up to `position` has more with this file.
    fn leads_on_from(&self, position: u64) -> bool {
        let is_step = self.level == 0 || (self.level == SNAPSHOT && position == 0);
        is_step && self.min <= position + 1 && self.max > position
    }

    /// Whether it is of no use to a store that has everything up to `position`. Compacted files and later snapshots are.
    fn is_superseded_at(&self, position: u64) -> bool {
        (self.level == 0 || self.max == 1) && self.max <= position
    }
}

#[cfg(test)]
mod tests;
