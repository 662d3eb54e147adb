//! What time it is. Every wall-clock reading of the program comes from here (but for those of Kubernetes' Leases, whose
//! instants are of another type), so that a test can give it a wrong clock.

use jiff::Timestamp;

/// The time now, as this machine has it: it may be wrong, and may step. In milliseconds, which is what is shown and
/// stored of it.
pub fn now() -> Timestamp {
    let now = exact();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn exact() -> Timestamp {
    #[cfg(feature = "crash-points")]
    if let Some(offset) = offset() {
        return Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX);
    }
    Timestamp::now()
}

/// How wrong a test makes the clock: seconds, in the file that `PRA_TEST_CLOCK` names, read anew each time so that the
/// clock can step under a running program.
#[cfg(feature = "crash-points")]
fn offset() -> Option<jiff::SignedDuration> {
    let file = std::env::var_os("PRA_TEST_CLOCK")?;
    let text = std::fs::read_to_string(file).ok()?;
    text.trim().parse().ok().map(jiff::SignedDuration::from_secs)
}
