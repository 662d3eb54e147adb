//! The files of one epoch, and which states of the database they can restore.
//!
//! A *state* is what the database was after a transaction, and has its TXID. A file leads to the state of its
//! largest TXID: from nothing where its smallest is 1 (a *base*), else from any state in `min - 1 .. max`, since
//! it holds every page that changed from `min` on, as it was at `max`.
//!
//! ```text
//! level 9   1═══════════════════40
//! level 1                    31═══40 41═══50
//! level 0                                 50 51 52    54
//!                                              ▲      not restorable: 53 is missing
//!                                              newest restorable state
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The level of snapshots; those below are a record without breaks.
pub const SNAPSHOT_LEVEL: u8 = 9;

/// A file as the listing of its epoch shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// 0 as shipped, 1 to 3 compacted, 9 a snapshot.
    pub level: u8,
    /// The first transaction; 1: holds every page.
    pub min: u64,
    /// The last transaction.
    pub max: u64,
    /// Bytes of the object.
    pub size: u64,
    /// The time that the store gives it, milliseconds since 1970: about when it was made.
    pub stored_ms: i64,
}

impl File {
    /// Whether it needs nothing before it.
    pub fn is_base(&self) -> bool {
        self.min == 1
    }

    /// Whether it leads on from the state `txid`.
    pub fn continues(&self, txid: u64) -> bool {
        self.max > txid && self.min <= txid.saturating_add(1)
    }
}

/// States that follow each other without a hole: every instant between the first and the last can be restored,
/// exactly or to the state before it that still has files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The oldest state.
    pub first: u64,
    /// The newest state.
    pub last: u64,
    /// How many states there are.
    pub states: usize,
}

/// The files of one epoch by the state that they lead to.
#[derive(Clone, Debug, Default)]
pub struct History {
    states: BTreeMap<u64, State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Vec<File>,
    restorable: bool,
}

impl History {
    /// Takes a listing, in any order. Files with impossible transactions are left out.
    pub fn new(files: impl IntoIterator<Item = File>) -> Self {
        let mut states = BTreeMap::<u64, State>::new();
        for file in files.into_iter().filter(|file| (1..=file.max).contains(&file.min)) {
            states.entry(file.max).or_default().files.push(file);
        }
        let mut before = None;
        for (txid, state) in &mut states {
            // The first that leads on is fetched: the smallest, and of equal ones that which is kept longest.
            state.files.sort_by_key(|file| Reverse((file.min, file.level)));
            let leads = |file: &File| file.is_base() || before.is_some_and(|before| file.continues(before));
            state.restorable = state.files.iter().any(leads);
            if state.restorable {
                before = Some(*txid);
            }
        }
        Self { states }
    }

    /// The history up to the state `txid`, as a child epoch sees it.
    #[must_use]
    pub fn until(&self, txid: u64) -> Self {
        Self::new(self.files().filter(|file| file.max <= txid))
    }

    /// All files, by state.
    pub fn files(&self) -> impl Iterator<Item = File> {
        self.states.values().flat_map(|state| state.files.iter().copied())
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// All states that files lead to, restorable or not.
    pub fn states(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.states.keys().copied()
    }

    /// The states that can be restored.
    pub fn restorable(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.states.iter().filter(|(_, state)| state.restorable).map(|(txid, _)| *txid)
    }

    /// Whether the state `txid` can be restored.
    pub fn can_restore(&self, txid: u64) -> bool {
        self.states.get(&txid).is_some_and(|state| state.restorable)
    }

    /// The newest state that can be restored and is not after `txid`.
    pub fn newest_until(&self, txid: u64) -> Option<u64> {
        self.states.range(..=txid).rev().find(|(_, state)| state.restorable).map(|(txid, _)| *txid)
    }

    /// The smallest file that leads to `txid`: good for reading its header.
    pub fn smallest(&self, txid: u64) -> Option<File> {
        self.states.get(&txid)?.files.first().copied()
    }

    /// Whether the record goes on after the state `txid`: a file other than a snapshot holds the next transaction.
    pub fn goes_on_after(&self, txid: u64) -> bool {
        let later = self.states.range(txid.saturating_add(1)..).flat_map(|(_, state)| &state.files);
        later.filter(|file| file.level < SNAPSHOT_LEVEL).any(|file| file.continues(txid))
    }

    /// The chain of files to the state `txid`: the newest base, then the longest files. `None` where there is none.
    pub fn chain(&self, txid: u64) -> Option<Vec<File>> {
        let base = self.states.range(..=txid).rev().flat_map(|(_, state)| &state.files).find(|file| file.is_base())?;
        let mut chain = vec![*base];
        let mut reached = base.max;
        while reached < txid {
            let ahead = self.states.range(reached.saturating_add(1)..=txid).rev();
            let next = ahead.flat_map(|(_, state)| &state.files).find(|file| file.continues(reached))?;
            chain.push(*next);
            reached = next.max;
        }
        Some(chain)
    }

    /// The states that can be restored, in runs without holes; oldest first.
    pub fn windows(&self) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        for txid in self.restorable() {
            match windows.last_mut() {
                Some(window) if self.goes_on_after(window.last) => {
                    window.last = txid;
                    window.states += 1;
                }
                _ => windows.push(Window { first: txid, last: txid, states: 1 }),
            }
        }
        windows
    }
}
