//! When each write is due: at a steady rate, whatever becomes of those before it.
//!
//! An open loop. A client that waits for an answer before it sends the next request asks least often while the
//! application is worst, and so does not see it ("coordinated omission").

use std::time::Duration;

/// A steady rate of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Writes per second, at least one.
    per_second: u32,
}

impl Schedule {
    /// So many writes per second; none means one.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1) }
    }

    /// When the write of this number is due, from the beginning. Exact for any number: errors do not add up.
    pub fn due(self, sequence: u64) -> Duration {
        let rate = u64::from(self.per_second);
        let part = (sequence % rate) * 1_000_000_000 / rate;
        Duration::from_secs(sequence / rate) + Duration::from_nanos(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_second_has_as_many_writes_as_the_rate_says(rate in 1_u32..2_000, second in 0_u64..10_000) {
            let schedule = Schedule::new(rate);
            let first = second * u64::from(rate);
            prop_assert_eq!(schedule.due(first), Duration::from_secs(second));
            prop_assert!(schedule.due(first + u64::from(rate) - 1) < Duration::from_secs(second + 1));
        }

        #[test]
        fn no_write_is_due_before_the_one_before_it(rate: u32, sequence in 0..u64::MAX) {
            let schedule = Schedule::new(rate);
            prop_assert!(schedule.due(sequence) <= schedule.due(sequence + 1));
        }
    }
}
