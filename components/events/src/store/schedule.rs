//! When to try again for a lock that another connection holds. Pure: the caller owns the clock.
//!
//! SQLite's busy handler sleeps longer the longer it has waited, up to 100 ms, so that a new writer overtakes a waiting
//! one: good throughput and a terrible tail. Here it is the other way round: **the longer a writer has waited, the more
//! often it tries**, so that the oldest writer almost always gets the lock, while new ones take no time from the
//! others.

use std::time::Duration;

/// How long a request waits for the lock in all. After that the answer is 503.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long SQLite itself waits at each try, in milliseconds, before it refuses: one sleep of its busy handler. Without
/// it, a second try right after the first would only take the processor from the lock's holder.
pub(super) const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout=1";

/// The pause of one who has just come: several times what a small transaction takes, so that waiting costs little.
const FIRST_PAUSE: Duration = Duration::from_millis(3);

/// The wait after which there are no more pauses but SQLite's own.
///
/// Both were measured with eight clients on two otherwise idle cores, each syncing for itself: beside a pause of 1 ms
/// that comes down to 0.5 ms with the wait, without SQLite's millisecond, the same throughput and a 99th percentile of
/// 18 instead of 24 ms.
const RIPE: Duration = Duration::from_millis(6);

/// A writer that has waited for longer than this waits for one long transaction, such as a restore, and not for its
/// turn: trying ever more often would only take the processor from the lock's holder.
const LONG_WAIT: Duration = Duration::from_millis(200);

/// From [`LONG_WAIT`] on a pause is this part of the wait.
const LONG_WAIT_PART: u32 = 200;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: one try.
    Never,
    /// A lock that is held while the log is synced, by each in turn.
    Turn,
    /// A lock that is held for moments, since many writers share one sync: no writer has to go first, and there is
    /// only SQLite's own millisecond between two tries.
    Moment,
}

impl Waiting {
    /// How long to pause before the next try, `waited` after the first one; `None` where patience is at its end.
    ///
    /// `random` spreads the pauses over half to one and a half times their length, so that those who came together do
    /// not also return together.
    pub(super) fn pause(self, waited: Duration, random: u64) -> Option<Duration> {
        let left = PATIENCE.checked_sub(waited).filter(|left| !left.is_zero())?;
        let mean = match (self, RIPE.checked_sub(waited)) {
            (Self::Never, _) => return None,
            (Self::Turn, Some(unripe)) => FIRST_PAUSE.mul_f64(unripe.div_duration_f64(RIPE)),
            _ if waited >= LONG_WAIT => waited / LONG_WAIT_PART,
            _ => Duration::ZERO,
        };
        // 10 bits are plenty, and exact in an f64.
        let spread = 0.5 + f64::from(u16::try_from(random % 1_024).unwrap_or(512)) / 1_024.0;
        Some(mean.mul_f64(spread).min(left))
    }
}

/// Mixes a clock's reading into something that can spread pauses (splitmix64's finaliser).
pub(crate) fn mix(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_writer_that_has_waited_longer_tries_at_least_as_often(a in 0_u64..200_000, b in 0_u64..200_000, random: u64) {
            let (early, late) = (a.min(b), a.max(b));
            let early = Waiting::Turn.pause(Duration::from_micros(early), random).unwrap();
            let late = Waiting::Turn.pause(Duration::from_micros(late), random).unwrap();
            prop_assert!(late <= early, "{late:?} after {early:?}");
        }

        #[test]
        fn a_long_wait_costs_few_tries_and_ever_fewer(waited in 200_000_u64..4_900_000) {
            let pause = Waiting::Turn.pause(Duration::from_micros(waited), 512).unwrap();
            prop_assert!(pause >= Duration::from_millis(1) && pause <= Duration::from_millis(25), "{pause:?}");
        }

        #[test]
        fn no_writer_waits_past_five_seconds(waited in 0_u64..10_000_000, random: u64) {
            let waited = Duration::from_micros(waited);
            match Waiting::Turn.pause(waited, random) {
                Some(pause) => prop_assert!(waited + pause <= PATIENCE),
                None => prop_assert!(waited >= PATIENCE),
            }
        }
    }

    #[test]
    fn those_who_came_together_do_not_return_together() {
        let pauses: std::collections::HashSet<_> =
            (0..100).map(|seed| Waiting::Turn.pause(Duration::ZERO, mix(seed))).collect();
        assert!(pauses.len() > 50, "{}", pauses.len());
    }
}
