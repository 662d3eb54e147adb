//! Waiting for conditions, never for time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take that a test waits for. Generous: it bounds a hang and measures nothing.
pub const DEADLINE: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(10);

/// Waits until `condition` holds.
///
/// # Panics
/// After [`DEADLINE`], with `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until `look` finds something, and returns it.
///
/// # Panics
/// After [`DEADLINE`], with `what` was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_for_within(DEADLINE, what, look)
}

/// Waits until `look` finds something, and returns it. For what may by contract take longer than [`DEADLINE`].
///
/// # Panics
/// After `limit`, with `what` was waited for.
#[track_caller]
pub fn wait_for_within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s for {what}", limit.as_secs());
        std::thread::sleep(LOOK);
    }
}

/// The time in milliseconds since the epoch, as catalog and `list` have it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test measures by the real clock")]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is before 1970");
    i64::try_from(since.as_millis()).expect("the clock is out of range")
}
