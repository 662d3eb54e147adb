//! What time it is. Every wall-clock reading of the program comes from here (clippy.toml sees to that), so that a test
//! can give it a wrong clock.

mod step;
#[cfg(any(test, feature = "crash-points"))]
pub mod wrong;

pub use step::{Reading, Step, Steps};

use jiff::Timestamp;

/// The last instant that can be read back from milliseconds, as it is stored.
const LAST: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// The time by this machine's clock: it may be wrong, and may step. In milliseconds, the precision that is shown and
/// stored.
pub fn now() -> Timestamp {
    let now = exact();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The same, with the machine's precision.
pub fn exact() -> Timestamp {
    #[cfg(any(test, feature = "crash-points"))]
    if let Some(offset) = offset() {
        return machines().checked_add(offset).map_or(LAST, |now| now.min(LAST));
    }
    machines()
}

/// The machine's time. A time outside the range of instants is the last instant.
#[expect(clippy::disallowed_methods, reason = "the one place")]
fn machines() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).map_or(LAST, |now| now.min(LAST))
}

/// How wrong a test makes the clock: of this thread, or seconds, in the file that `PRA_TEST_CLOCK` names, read anew
/// each time so that the clock can step under a running program.
#[cfg(any(test, feature = "crash-points"))]
fn offset() -> Option<jiff::SignedDuration> {
    if let Some(offset) = wrong::by() {
        return Some(offset);
    }
    let file = std::env::var_os("PRA_TEST_CLOCK")?;
    let text = std::fs::read_to_string(file).ok()?;
    text.trim().parse().ok().map(jiff::SignedDuration::from_secs)
}
