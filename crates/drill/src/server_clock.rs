//! The server's clock, seen from ours.
//!
//! Each acknowledgement bounds the difference: its timestamp was taken between the request and the answer. The
//! narrowest of all bounds is used, so that no two clocks are compared as if they were one.

use std::time::Duration;

use jiff::Timestamp;

use super::ledger::Ledger;

/// Timestamps have milliseconds, so the true instant is up to one later.
const GRAIN: f64 = 0.001;

/// The server's clock minus ours, in seconds: somewhere between `low` and `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerClock {
    started_at: f64,
    /// At least so far ahead of ours.
    pub low: f64,
    /// At most so far ahead of ours.
    pub high: f64,
}

impl ServerClock {
    /// From the acknowledgements of a drill that began at `started_at` by our clock. (Not from those of writes that
    /// were sent more than once: the answer to a retry repeats the first timestamp.)
    pub fn new(started_at: Timestamp, ledger: &Ledger) -> Self {
        let started_at = seconds(started_at);
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (_, acknowledged) in ledger.acknowledgements().filter(|(write, _)| write.tries == 1) {
            let ahead = seconds(acknowledged.receipt.timestamp) - started_at;
            low = low.max(ahead - acknowledged.at.as_secs_f64());
            high = high.min(ahead + GRAIN - acknowledged.sent.as_secs_f64());
        }
        if low.is_infinite() {
            return Self { started_at, low: 0.0, high: 0.0 };
        }
        // Crossed where a clock was set meanwhile: then all that was seen is possible.
        Self { started_at, low: low.min(high), high: high.max(low) }
    }

    /// When this was on our clock, in seconds since the drill began; the middle of what is possible.
    pub fn to_ours(self, timestamp: Timestamp) -> f64 {
        seconds(timestamp) - self.started_at - self.low.midpoint(self.high)
    }

    /// Whether `at`, an instant of ours, was before `timestamp` for certain.
    pub fn is_before(self, at: Duration, timestamp: Timestamp) -> bool {
        self.started_at + at.as_secs_f64() + self.high < seconds(timestamp)
    }
}

fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests;
