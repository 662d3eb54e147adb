//! Clocks lie: when an instant is suspicious.

use std::time::Duration;

/// How far ahead of this machine's clock an instant may be before it is suspicious: written by a clock that was wrong,
/// or looked at with one that is.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// By how much `at_ms` is ahead of `now_ms`, both milliseconds since 1970, where that is more than [`CLOCK_TOLERANCE`].
#[must_use]
pub fn ahead(at_ms: i64, now_ms: i64) -> Option<Duration> {
    let ahead = Duration::from_millis(u64::try_from(at_ms.saturating_sub(now_ms)).ok()?);
    (ahead > CLOCK_TOLERANCE).then_some(ahead)
}

/// The last instant, in milliseconds since 1970, that is not [`ahead`] of `now_ms`.
#[must_use]
pub fn latest_plausible(now_ms: i64) -> i64 {
    now_ms.saturating_add(i64::try_from(CLOCK_TOLERANCE.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_and_the_bound_of_a_query_agree() {
        for now_ms in [0, 1_764_000_000_000, i64::MAX] {
            let latest = latest_plausible(now_ms);
            assert_eq!(ahead(latest, now_ms), None);
            assert_eq!(ahead(latest.saturating_add(1), now_ms).is_some(), latest < i64::MAX);
        }
        assert_eq!(ahead(0, 1), None);
    }
}
