//! Instants as the API writes them.

use jiff::Timestamp;

/// An instant in RFC 3339, UTC, with milliseconds: `2025-01-10T12:00:00.042Z`.
///
/// `ms` counts from the epoch. A value outside the calendar's range reads as the epoch: no clock returns that.
pub(crate) fn rfc3339(ms: i64) -> String {
    written(instant(ms))
}

/// The instant that `ms` counts to from the epoch; as [`rfc3339`], where no calendar has it.
pub(crate) fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// As [`rfc3339`].
pub(crate) fn written(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Whole seconds from `then_ms` to `now_ms`; 0 if the clocks disagree and it would be negative.
pub(crate) fn age_seconds(now_ms: i64, then_ms: i64) -> i64 {
    now_ms.saturating_sub(then_ms).max(0) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_instant_has_milliseconds_and_z() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_736_510_400_042), "2025-01-10T12:00:00.042Z");
    }

    #[test]
    fn an_age_is_never_negative() {
        assert_eq!(age_seconds(1_000, 900_000), 0);
        assert_eq!(age_seconds(42_999, 0), 42);
    }

    proptest! {
        #[test]
        fn instants_sort_as_their_texts(a in 0_i64..4_000_000_000_000, b in 0_i64..4_000_000_000_000) {
            prop_assert_eq!(a.cmp(&b), rfc3339(a).cmp(&rfc3339(b)));
        }
    }
}
