//! From an instant to a state: the newest one whose time is not after it.
//!
//! The time of a state is the timestamp in the header of a file that leads to it; all such files have the same,
//! and it never decreases. A listing shows only the store's own times, which copying destroys, so they are no
//! more than the first guess of a binary search. The search does no I/O: it asks for a file, the caller reads its
//! header and answers.

use crate::history::{File, History};

/// A state and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The state.
    pub txid: u64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// A search in the making.
#[derive(Clone, Debug)]
pub struct InstantSearch {
    instant_ms: i64,
    states: Vec<File>,
    found: Option<Found>,
    /// The first state that is after the instant.
    next: Option<Found>,
    /// States below are known to be at or before the instant.
    low: usize,
    /// States from here on are known to be after it.
    high: usize,
    /// Looked at before the middle, while within the bounds.
    guesses: Vec<usize>,
}

impl InstantSearch {
    /// Begins to look for the state at `instant_ms`, milliseconds since 1970.
    pub fn new(history: &History, instant_ms: i64) -> Self {
        let states: Vec<_> = history.states().filter_map(|txid| history.smallest(txid)).collect();
        let guess = states.partition_point(|file| file.stored_ms <= instant_ms);
        // The state that the store's times suggest is the last before the instant, and the one after it.
        let guesses = guess.checked_sub(1).into_iter().chain([guess]).collect();
        Self { instant_ms, found: None, next: None, low: 0, high: states.len(), states, guesses }
    }

    /// The file whose timestamp is needed next, to be told to [`Self::tell`]; `None` once the state is known.
    pub fn asks(&mut self) -> Option<File> {
        let at = self.position()?;
        self.states.get(at).copied()
    }

    /// The timestamp of the file that [`Self::asks`] has named, milliseconds since 1970.
    pub fn tell(&mut self, timestamp_ms: i64) {
        let Some((at, file)) = self.position().and_then(|at| Some((at, self.states.get(at)?))) else { return };
        if timestamp_ms <= self.instant_ms {
            self.low = at + 1;
            self.found = Some(Found { txid: file.max, timestamp_ms });
        } else {
            self.high = at;
            self.next = Some(Found { txid: file.max, timestamp_ms });
        }
    }

    /// The newest state at or before the instant, restorable or not, once [`Self::asks`] asks for no more.
    pub fn found(&self) -> Option<Found> {
        self.found
    }

    /// The instant that is looked for, milliseconds since 1970.
    pub fn instant_ms(&self) -> i64 {
        self.instant_ms
    }

    /// The state that follows it, and is after the instant.
    pub fn next(&self) -> Option<Found> {
        self.next
    }

    /// The latest that the state that follows can have been there, in milliseconds since 1970: the store had it by
    /// then, no matter which clock has written it.
    pub fn next_at_latest_ms(&self) -> Option<i64> {
        self.next.map(|next| {
            self.states.get(self.high).map_or(next.timestamp_ms, |file| file.stored_ms.max(next.timestamp_ms))
        })
    }

    fn position(&mut self) -> Option<usize> {
        let unknown = self.low..self.high;
        while let Some(guess) = self.guesses.pop() {
            if unknown.contains(&guess) {
                self.guesses.push(guess);
                return Some(guess);
            }
        }
        (!unknown.is_empty()).then_some(self.low + unknown.len() / 2)
    }
}
