//! The files of one epoch and the time → what may be deleted.
//!
//! ```text
//! now − snapshots − grace                   now − fine − grace        now
//! ──────┬─────────────────────────────────────────────┬────────────────┤
//!   9 ● │         ●                 ●                 │        ●
//!     │ └ anchor: the newest base from before; it and all that reaches past it is kept
//!     └ deleted with what it carried                  │
//! 1..3  ══════════════════════════════════════════════╪══════════
//! 0                                              ─────┼──────────────── deleted once a compacted file that is
//!                                                     │                 older than this line holds the same
//! ```
//!
//! Two promises. Every state that a kept file leads to can still be restored, if it could before; so can the newest.
//! And what is deleted has been out of its window for the grace time, so that a restore that was planned within that
//! time finds all that it wants to read. An epoch with a base always has a base.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::history::{File, History, SNAPSHOT_LEVEL};

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Files of level 0, past their compaction: in this window every single sync can be restored.
    pub fine: Duration,
    /// Snapshots and all files that depend on them.
    pub snapshots: Duration,
    /// What is out of its window, for the sake of a running restore.
    pub grace: Duration,
}

impl Default for Retention {
    /// As Litestream: 5 minutes, 24 hours; grace 5 minutes.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { fine: minutes(5), snapshots: minutes(24 * 60), grace: minutes(5) }
    }
}

impl Retention {
    /// The files that may be deleted at `now_ms`, milliseconds since 1970, the oldest first. `files` must be a
    /// complete listing.
    pub fn deletable(&self, files: &[File], now_ms: i64) -> Vec<File> {
        let history = History::new(files.iter().copied());
        let superseded_ms = ago(now_ms, self.snapshots.saturating_add(self.grace));
        let anchor = anchor(&history, superseded_ms);
        let compacted = Compacted::new(&history, ago(now_ms, self.fine.saturating_add(self.grace)));
        let goes = |file: &File| {
            // Beside the anchor, what leads to the same state goes when it is as old.
            let age = (file.max, file.stored_ms);
            let carried = anchor.is_some_and(|anchor| age <= (anchor.max, superseded_ms) && *file != anchor);
            carried || file.level == 0 && !file.is_base() && compacted.holds(file)
        };
        let (mut deletable, kept): (Vec<_>, Vec<_>) = history.files().partition(goes);
        let needed = still_needed(&history, &kept);
        deletable.retain(|file| !needed.contains(&identity(file)));
        deletable
    }

    /// Whether the files of an epoch give every instant that is still to be kept, so that what it goes on from may go.
    pub fn needs_nothing_before(&self, files: &[File], now_ms: i64) -> bool {
        let superseded_ms = ago(now_ms, self.snapshots.saturating_add(self.grace));
        anchor(&History::new(files.iter().copied()), superseded_ms).is_some()
    }
}

/// The newest base that is old enough to have superseded all that is not newer than it.
fn anchor(history: &History, superseded_ms: i64) -> Option<File> {
    let old = history.files().filter(|file| file.is_base() && file.stored_ms <= superseded_ms);
    old.max_by_key(|base| (base.max, base.level))
}

/// The compacted files that are old enough, by their first transaction; each reaches further than those before.
struct Compacted(BTreeMap<u64, u64>);

impl Compacted {
    fn new(history: &History, until_ms: i64) -> Self {
        let old = |file: &File| (1..SNAPSHOT_LEVEL).contains(&file.level) && file.stored_ms <= until_ms;
        let mut ranges: Vec<_> = history.files().filter(old).map(|file| (file.min, file.max)).collect();
        ranges.sort_unstable();
        let mut reached = 0;
        ranges.retain(|(_, max)| {
            let further = *max > reached;
            reached = reached.max(*max);
            further
        });
        Self(ranges.into_iter().collect())
    }

    /// Whether one of them holds all that `file` does.
    fn holds(&self, file: &File) -> bool {
        self.0.range(..=file.min).next_back().is_some_and(|(_, max)| *max >= file.max)
    }
}

/// What must stay because a kept file leads to a state that could be restored, and could not be any more. With the
/// files that we make there is none.
fn still_needed(before: &History, kept: &[File]) -> HashSet<(u8, u64, u64)> {
    let after = History::new(kept.iter().copied());
    let lost = after.states().filter(|txid| before.can_restore(*txid) && !after.can_restore(*txid));
    lost.filter_map(|txid| before.chain(txid)).flatten().map(|file| identity(&file)).collect()
}

/// Corrects the times of an epoch's files by what must be so: no file is older than one whose transactions it follows,
/// in this epoch or in those that it goes on from, whose newest time is `before_ms`. A clock that was behind when a
/// file was made would else let go of all that came before it. A time that is still to come says nothing. Returns the
/// newest time.
pub fn in_order(files: &mut [File], before_ms: Option<i64>, now_ms: i64) -> Option<i64> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_unstable_by_key(|&at| files.get(at).map(|file| file.max));
    let (mut before, mut newest) = (before_ms, before_ms);
    let mut last = 0;
    for at in order {
        let Some(file) = files.get_mut(at) else { continue };
        if file.max > last {
            (before, last) = (newest, file.max);
        }
        if file.stored_ms <= now_ms {
            file.stored_ms = file.stored_ms.max(before.unwrap_or(i64::MIN));
            newest = newest.max(Some(file.stored_ms));
        }
    }
    newest
}

fn identity(file: &File) -> (u8, u64, u64) {
    (file.level, file.min, file.max)
}

fn ago(now_ms: i64, time: Duration) -> i64 {
    now_ms.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
