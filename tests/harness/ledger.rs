//! What was sent and acknowledged, compared with what is there: lost events are counted. Not the drills' ledger, so that an
//! error in that one does not pass its own test.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One event that a writer sends until it is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its idempotency key, which is its message as well.
    pub key: String,
    /// When it was first sent, in milliseconds since the epoch.
    pub sent_ms: i64,
    /// When the acknowledgement arrived, in milliseconds since the epoch; `None`: it never did.
    pub acknowledged_ms: Option<i64>,
    /// How long the acknowledged attempt took.
    pub took: Duration,
}

/// A request that got no acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The status and body, or the error of the connection.
    pub what: String,
}

/// All that some writers sent. Shared between threads.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    refusals: Vec<Refusal>,
}

/// What a ledger finds wrong with a list of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Acknowledged, and not there.
    pub missing: Vec<Entry>,
    /// There more than once.
    pub repeated: Vec<String>,
    /// There, and never sent.
    pub unknown: Vec<String>,
}

impl Ledger {
    /// Notes an event that will not be sent again.
    pub fn note(&self, entry: Entry) {
        self.book().entries.push(entry);
    }

    /// Notes that a request was not acknowledged.
    pub fn refuse(&self, refusal: Refusal) {
        self.book().refusals.push(refusal);
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All events that were sent.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.book().entries.clone()
    }

    /// All requests that were not acknowledged.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        self.book().refusals.clone()
    }

    /// How many events were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.book().entries.iter().filter(|entry| entry.acknowledged_ms.is_some()).count()
    }

    /// The slowest acknowledged attempt.
    #[must_use]
    pub fn slowest(&self) -> Duration {
        self.book().entries.iter().map(|entry| entry.took).max().unwrap_or_default()
    }

    /// Holds the ledger against all messages of a database.
    #[must_use]
    pub fn account(&self, messages: &[String]) -> Account {
        self.account_where(messages, |_| true)
    }

    /// The same, where only the acknowledged events that `must_be_there` accepts may be missed: after a restore, those
    /// of before its restore point and of after its end.
    #[must_use]
    pub fn account_where(&self, messages: &[String], must_be_there: impl Fn(&Entry) -> bool) -> Account {
        let mut times: HashMap<&str, usize> = HashMap::new();
        for message in messages {
            *times.entry(message).or_default() += 1;
        }
        let entries = self.entries();
        let is_owed = |entry: &&Entry| entry.acknowledged_ms.is_some() && must_be_there(entry);
        let missing = entries.iter().filter(is_owed).filter(|entry| !times.contains_key(entry.key.as_str()));
        let missing = missing.cloned().collect();
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let repeated = times.iter().filter(|(_, times)| **times > 1).map(|(key, _)| (*key).to_owned());
        let repeated = sorted(repeated.collect());
        for entry in &entries {
            times.remove(entry.key.as_str());
        }
        let unknown = sorted(times.into_keys().map(str::to_owned).collect());
        Account { missing, repeated, unknown }
    }
}

impl Account {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_even(&self) -> bool {
        *self == Self::default()
    }

    /// Asserts that each acknowledged event is there exactly once, and nothing else.
    ///
    /// # Panics
    /// Where something is wrong, with how much and the first of each.
    #[track_caller]
    pub fn assert_even(&self) {
        let Self { missing, repeated, unknown } = self;
        assert!(
            self.is_even(),
            "missing {} ({:?}), repeated {} ({:?}), unknown {} ({:?})",
            missing.len(),
            missing.first(),
            repeated.len(),
            repeated.first(),
            unknown.len(),
            unknown.first()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let ledger = Ledger::default();
        for (key, acknowledged_ms) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
            let key = key.to_owned();
            ledger.note(Entry { key, sent_ms: 1, acknowledged_ms, took: Duration::from_millis(1) });
        }
        ledger
    }

    fn messages(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_was_not_acknowledged_may_be_there_or_not() {
        ledger().account(&messages("a b")).assert_even();
        ledger().account(&messages("c b a")).assert_even();
    }

    #[test]
    fn a_lost_event_a_doubled_one_and_a_strange_one_are_each_found() {
        let account = ledger().account(&messages("b b c c x"));
        let missing: Vec<_> = account.missing.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(missing, ["a"]);
        assert_eq!(account.repeated, ["b", "c"]);
        assert_eq!(account.unknown, ["x"]);
        assert!(!account.is_even());
    }

    #[test]
    fn a_restore_may_undo_what_it_may_undo_and_no_more() {
        let account = |must: fn(&Entry) -> bool| ledger().account_where(&messages("a"), must);
        account(|entry| entry.acknowledged_ms < Some(15)).assert_even();
        assert_eq!(account(|_| true).missing.len(), 1);
    }
}
