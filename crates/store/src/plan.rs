//! The files of one epoch and a goal → the chain of files that a restore fetches, or why there is none.
//!
//! A plan that would give less than was asked for is an error that names the flag that accepts it: a hole
//! before the state, newest files that are missing though they are known to have been shipped.

use jiff::Timestamp;

use crate::history::{File, History};
use crate::instant::{Found, InstantSearch};

/// The state to restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// The newest.
    Latest,
    /// Exactly this one.
    Txid(u64),
    /// What [`InstantSearch`](crate::instant::InstantSearch) has found for an instant.
    Instant {
        /// Milliseconds since 1970.
        instant_ms: i64,
        /// The newest state that is not after it.
        found: Option<Found>,
    },
}

/// Losses that the user has accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// `--accept-gap`: the newest state before a hole instead.
    pub gap: bool,
    /// `--accept-missing-tail`: the newest state whose files are there instead.
    pub missing_tail: bool,
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The state that this restores.
    pub txid: u64,
    /// A base, and files each of which continues the one before.
    pub files: Vec<File>,
}

/// Why there is no plan. TXIDs are written as in the names of files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing was ever shipped.
    #[error("the epoch holds no files")]
    Empty,
    /// The instant is still to come.
    #[error("{} lies in the future", time(*.instant_ms))]
    Future {
        /// Milliseconds since 1970.
        instant_ms: i64,
    },
    /// The clock was ahead when what followed the instant was written, so that it may have been the state then.
    #[error("the clock was ahead when transaction {first:016x} and what follows it were written: whether {} was still after {before:016x} or after one of them is not known", time(*.instant_ms))]
    ClockAhead {
        /// Milliseconds since 1970.
        instant_ms: i64,
        /// The newest state whose time is not after the instant.
        before: u64,
        /// The one that follows it.
        first: u64,
    },
    /// The newest state is from the future.
    #[error("the time of its newest state, {}, is in the future: the clock was ahead when it was written, or this one is behind", time(*.timestamp_ms))]
    FromTheFuture {
        /// Milliseconds since 1970.
        timestamp_ms: i64,
    },
    /// The instant is before the first state that there are files of.
    #[error("{} is before the first restorable state", time(*.instant_ms))]
    BeforeFirst {
        /// Milliseconds since 1970.
        instant_ms: i64,
    },
    /// Transactions before the wanted state are missing.
    #[error("transactions {:016x} to {:016x} are missing: --accept-gap restores {}", .missing.0, .missing.1, older(*.before))]
    Gap {
        /// The newest restorable state before the hole.
        before: Option<u64>,
        /// The first and the last missing transaction.
        missing: (u64, u64),
    },
    /// Files are gone that were shipped.
    #[error("transactions {:016x} to {head:016x} were shipped and are missing: --accept-missing-tail restores {}", .newest.map_or(1, |txid| txid.saturating_add(1)), older(*.newest))]
    MissingTail {
        /// The newest state whose files are there.
        newest: Option<u64>,
        /// The newest state that was shipped.
        head: u64,
    },
    /// The transaction has been compacted away, its neighbours are still there.
    #[error("the state after transaction {txid:016x} is no longer kept apart: restorable are {before:016x} before and {} after it", state(*.after))]
    NotKept {
        /// The wanted state.
        txid: u64,
        /// The newest restorable one before.
        before: u64,
        /// The oldest restorable one after.
        after: Option<u64>,
    },
    /// There is no such transaction yet.
    #[error("transaction {txid:016x} has not been shipped; the newest is {newest:016x}")]
    Beyond {
        /// The wanted state.
        txid: u64,
        /// The newest one.
        newest: u64,
    },
}

/// Refuses an instant after `now_ms`: it is in the future.
///
/// # Errors
/// [`Error::Future`].
pub fn check_instant(instant_ms: i64, now_ms: i64) -> Result<(), Error> {
    if instant_ms > now_ms { Err(Error::Future { instant_ms }) } else { Ok(()) }
}

/// What searches find for an instant in the epochs of a line, the newest first.
///
/// No state of an epoch is younger than now, nor than the first state of the epoch that goes on from it: a time that is
/// after that is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Bound(i64);

impl Bound {
    /// For the newest epoch.
    pub fn now(now_ms: i64) -> Self {
        Self(now_ms)
    }

    /// What was found in an epoch, where it is the state at that instant; `None` where that is in an epoch before.
    ///
    /// # Errors
    /// [`Error::ClockAhead`] where the state that follows has a time that cannot be.
    pub fn judge(&mut self, search: &InstantSearch) -> Result<Option<Found>, Error> {
        let (instant_ms, next) = (search.instant_ms(), search.next());
        let Some(found) = search.found() else {
            // Its parent existed before it, even if the recorded times disagree.
            self.0 = search.next_at_latest_ms().map_or(self.0, |first_ms| self.0.min(first_ms));
            return Ok(None);
        };
        match next.filter(|next| pra_core::ahead::ahead(next.timestamp_ms, self.0).is_some()) {
            Some(next) if found.timestamp_ms != instant_ms => {
                Err(Error::ClockAhead { instant_ms, before: found.txid, first: next.txid })
            }
            _ => Ok(Some(found)),
        }
    }
}

/// Refuses a newest state whose time cannot be: it is taken only where it is named.
///
/// # Errors
/// [`Error::FromTheFuture`].
pub fn check_newest(timestamp_ms: i64, now_ms: i64) -> Result<(), Error> {
    pra_core::ahead::ahead(timestamp_ms, now_ms).map_or(Ok(()), |_| Err(Error::FromTheFuture { timestamp_ms }))
}

/// Plans a restore. `head` is the newest state that is known to have been shipped: from the lease, which must have
/// been read before the listing was made, or from a child epoch.
///
/// # Errors
/// See [`Error`].
pub fn plan(history: &History, goal: Goal, head: Option<u64>, accept: Accept) -> Result<Plan, Error> {
    let tail = |newest: Option<u64>| {
        let missing = head.filter(|head| newest.is_none_or(|newest| *head > newest));
        missing.filter(|_| !accept.missing_tail).map_or(Ok(()), |head| Err(Error::MissingTail { newest, head }))
    };
    let Some(newest) = history.states().next_back() else {
        return tail(None).and(Err(Error::Empty));
    };
    let (wanted, exact) = match goal {
        Goal::Latest => (newest, false),
        Goal::Instant { found: Some(found), instant_ms } => (found.txid, found.timestamp_ms == instant_ms),
        Goal::Instant { instant_ms, found: None } => return Err(Error::BeforeFirst { instant_ms }),
        Goal::Txid(txid) if txid > newest => {
            tail(Some(newest))?;
            return Err(Error::Beyond { txid, newest });
        }
        Goal::Txid(txid) => (txid, true),
    };
    let state = history.newest_until(wanted).ok_or_else(|| gap(history, 0))?;
    if exact && state == wanted {
        return chain(history, state);
    }
    // What follows the state is what it would lack.
    let goes_on = history.goes_on_after(state);
    if state < newest && !goes_on && !accept.gap {
        return Err(gap(history, state));
    }
    if let (Goal::Txid(txid), true) = (goal, goes_on) {
        let after = history.restorable().find(|state| *state > txid);
        return Err(Error::NotKept { txid, before: state, after });
    }
    if wanted == newest {
        tail(Some(newest))?;
    }
    chain(history, state)
}

/// The hole after the state `after`; 0: before any.
fn gap(history: &History, after: u64) -> Error {
    let first = after.saturating_add(1);
    let known = history.files().filter(|file| file.max > after && !file.is_base());
    let next = known.map(|file| file.min).filter(|min| *min > first).min();
    // Without such a file only a later snapshot is left: it ends the hole.
    let next = next.or_else(|| history.states().find(|txid| *txid > after)).unwrap_or(first);
    Error::Gap { before: history.newest_until(after), missing: (first, next.saturating_sub(1).max(first)) }
}

fn chain(history: &History, txid: u64) -> Result<Plan, Error> {
    let files = history.chain(txid).ok_or_else(|| gap(history, 0))?;
    Ok(Plan { txid, files })
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |time| format!("{time:.3}"))
}

fn state(txid: Option<u64>) -> String {
    txid.map_or_else(|| "none".to_owned(), |txid| format!("{txid:016x}"))
}

fn older(txid: Option<u64>) -> String {
    txid.map_or_else(|| "nothing, since there is no base".to_owned(), |txid| format!("the state after {txid:016x}"))
}
