//! A wrong clock for one thread of a unit test.

use std::cell::Cell;

use jiff::SignedDuration;

thread_local! {
    static BY: Cell<Option<SignedDuration>> = const { Cell::new(None) };
}

/// From now on this thread's clock is wrong by so much.
pub fn set(by: SignedDuration) {
    BY.set(Some(by));
}

pub(super) fn by() -> Option<SignedDuration> {
    BY.get()
}
