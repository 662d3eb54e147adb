//! When compacted files and snapshots are due. Pure: times go in, spans come out.
//!
//! A level's file is made where a boundary of its interval has passed since its last, and something was shipped since.
//! So an idle database makes none.

use std::time::Duration;

/// Level of a snapshot.
pub(super) const SNAPSHOT: u8 = 9;

/// A level and its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// 1, 2, 3 or [`SNAPSHOT`].
    pub(super) number: u8,
    /// A file at most so often.
    pub(super) every: Duration,
}

/// Litestream's: 30 s, 5 min, 1 h, and a snapshot each day.
pub(super) const DEFAULT: [Level; 4] = [
    Level { number: 1, every: Duration::from_secs(30) },
    Level { number: 2, every: Duration::from_secs(5 * 60) },
    Level { number: 3, every: Duration::from_secs(60 * 60) },
    Level { number: SNAPSHOT, every: Duration::from_secs(24 * 60 * 60) },
];

/// The last file of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Last {
    /// Its level.
    pub(super) level: u8,
    /// Its last transaction.
    pub(super) txid: u64,
    /// When it was made, in ms since 1970.
    pub(super) at_ms: u64,
}

/// The first transaction of the file that `level` needs now, `txid` being the last one shipped; `None` where it needs
/// none.
pub(super) fn due(level: Level, last: Last, txid: u64, now_ms: u64) -> Option<u64> {
    let every = u64::try_from(level.every.as_millis()).unwrap_or(u64::MAX).max(1);
    // A clock that was set back passes a boundary too: a time that is still to come holds up no file.
    let passed = now_ms / every != last.at_ms / every;
    let min = if level.number == SNAPSHOT { 1 } else { last.txid + 1 };
    (passed && txid > last.txid).then_some(min)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Level = Level { number: 1, every: Duration::from_secs(60) };

    #[test]
    fn an_idle_database_makes_no_file() {
        let last = Last { level: 1, txid: 7, at_ms: 0 };
        assert_eq!(due(MINUTE, last, 7, 1_000_000), None);
        assert_eq!(due(MINUTE, last, 8, 1_000_000), Some(8));
        assert_eq!(due(Level { number: SNAPSHOT, ..MINUTE }, last, 8, 1_000_000), Some(1));
    }

    #[test]
    fn a_file_that_was_made_by_a_clock_ahead_holds_up_none_after_it() {
        let last = Last { level: 1, txid: 7, at_ms: 365 * 86_400_000 };
        assert_eq!(due(MINUTE, last, 8, 1_000_000), Some(8));
    }

    proptest! {
        #[test]
        fn files_of_a_level_follow_one_another_without_a_hole(steps in proptest::collection::vec((0..5_u64, 0..90_000_u64), 1..60)) {
            let (mut last, mut txid, mut now, mut covered) = (Last { level: 1, ..Last::default() }, 0, 0, 0);
            for (transactions, ms) in steps {
                txid += transactions;
                now += ms;
                if let Some(min) = due(MINUTE, last, txid, now) {
                    prop_assert_eq!(min, covered + 1);
                    covered = txid;
                    last = Last { level: 1, txid, at_ms: now };
                }
            }
            // Only what came since the last boundary is not in it.
            prop_assert!(covered == txid || now / 60_000 <= last.at_ms / 60_000 || due(MINUTE, last, txid, now).is_none());
        }
    }
}
