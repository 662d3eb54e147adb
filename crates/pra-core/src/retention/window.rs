//! How far back a rule of age reaches.

use std::time::Duration;

use jiff::Timestamp;

/// The first instant of the last `length` of `times`, which are newest first.
///
/// A gap longer than `length` (backups had stopped, or the clock leapt) does not empty the window: what it held before
/// the gap stays until the times after it fill a window by themselves.
pub(super) fn start(times: &[Timestamp], length: Duration) -> Option<Timestamp> {
    let before = |at: Timestamp| at.checked_sub(length).unwrap_or(Timestamp::MIN);
    let mut times = times;
    loop {
        let newest = *times.first()?;
        let gap = times.windows(2).position(|pair| pair[1] < before(pair[0]));
        match gap {
            Some(last) if times[last] > before(newest) => times = &times[last + 1..],
            _ => return Some(before(newest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    const DAY: Duration = Duration::from_hours(24);

    fn first(times: &[&str]) -> Timestamp {
        let times: Vec<_> = times.iter().map(|text| at(text)).collect();
        start(&times, DAY).unwrap()
    }

    #[test]
    fn a_window_begins_its_length_before_the_newest() {
        assert_eq!(first(&["2025-01-10T12:00:00Z"]), at("2025-01-09T12:00:00Z"));
        assert_eq!(first(&["2025-01-10T12:00:00Z", "2025-01-10T00:00:00Z"]), at("2025-01-09T12:00:00Z"));
        assert_eq!(start(&[], DAY), None);
    }

    #[test]
    fn a_leap_of_the_clock_does_not_empty_it_until_a_window_has_passed_since() {
        let before = ["2025-01-10T12:00:00Z", "2025-01-10T00:00:00Z"];
        let leapt = ["2026-01-10T13:00:00Z", "2026-01-10T12:00:00Z"];
        assert_eq!(first(&[leapt.as_slice(), &before].concat()), at("2025-01-09T12:00:00Z"));
        let filled = ["2026-01-11T12:00:00Z", "2026-01-11T00:00:00Z", "2026-01-10T12:00:00Z"];
        assert_eq!(first(&[filled.as_slice(), &before].concat()), at("2026-01-10T12:00:00Z"));
    }
}
