//! Ledgers for tests.

use std::time::Duration;

use jiff::Timestamp;

use super::ledger::{Acknowledgement, Ledger, Receipt};

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One write for each entry, acknowledged at so many milliseconds, or never. Each was sent once, 10 ms before; the
/// server's clock is ours, and began at the epoch.
pub(crate) fn ledger(writes: &[Option<u64>]) -> Ledger {
    let mut ledger = Ledger::default();
    for (sequence, at) in (0_u64..).zip(writes) {
        let sent = ms(at.unwrap_or(0).saturating_sub(10));
        ledger.tried(sequence, sent, sent);
        if let Some(at) = at {
            let timestamp = Timestamp::from_millisecond(i64::try_from(*at).unwrap()).unwrap();
            let receipt = Receipt { id: i64::try_from(sequence).unwrap() + 1, timestamp };
            ledger.acknowledged(sequence, Acknowledgement { sent, at: ms(*at), receipt });
        }
    }
    ledger
}
