//! How long the write lock would be held, and whether that is too long.
//!
//! Spin waits five seconds for a lock and then refuses the request; the limit leaves a second for the queue.

use std::time::Duration;

use pra_core::{Code, Error, Result};

/// The longest that writers are made to wait without being asked.
pub const LOCK_LIMIT: Duration = Duration::from_secs(4);

/// Bytes a second, where nothing was measured yet: a modest disk.
const ASSUMED_RATE: u64 = 200 << 20;

/// A page is read back after it was written, and the machine may be busier then than while it was measured.
const SAFETY_FACTOR: f64 = 1.5;

/// What one byte costs: read, compared, written and synced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    seconds_per_byte: f64,
}

impl Cost {
    /// Before anything was measured.
    pub(super) fn assumed() -> Self {
        Self { seconds_per_byte: SAFETY_FACTOR / ASSUMED_RATE as f64 }
    }

    /// From a pass over `bytes` that took `took`, the sync included.
    pub(super) fn measured(bytes: u64, took: Duration) -> Self {
        Self { seconds_per_byte: SAFETY_FACTOR * took.as_secs_f64() / bytes.max(1) as f64 }
    }

    /// Of `pages` of `page_size`.
    pub(super) fn of(self, pages: u64, page_size: u32) -> Duration {
        Duration::from_secs_f64(self.seconds_per_byte * pages as f64 * f64::from(page_size))
    }
}

/// Fails if writers would wait for `estimate`, which is above `limit`, and the operator did not accept that.
///
/// # Errors
/// [`Code::Usage`]: the same call will fail again, and which way to go is the caller's choice.
pub(super) fn require_short(estimate: Duration, limit: Duration, accepted: bool) -> Result<()> {
    if accepted || estimate <= limit {
        return Ok(());
    }
    Err(Error::new(
        Code::Usage,
        format!(
            "restoring in place would hold the write lock for about {:.1} s, above {:.1} s: requests would be refused",
            estimate.as_secs_f64(),
            limit.as_secs_f64()
        ),
    )
    .hint(
        "nothing was changed; --accept-503 does it all the same, --mode replace does it with the application stopped",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_what_was_measured() {
        let cost = Cost::measured(100 << 20, Duration::from_secs(1));
        let whole = cost.of(25_600, 4096);
        assert!(whole > Duration::from_secs(1) && whole < Duration::from_secs(2));
        assert!(cost.of(256, 4096) < whole / 50);
    }

    #[test]
    fn a_long_lock_is_refused_by_the_name_of_the_flag_that_accepts_it() {
        let long = Duration::from_secs(9);
        let error = require_short(long, LOCK_LIMIT, false).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.hint_text().unwrap().contains("--accept-503"));
        require_short(long, LOCK_LIMIT, true).unwrap();
    }
}
