//! A budget of memory for what is large: bodies, results of SQLite, instances that grow.
//!
//! What every request needs, [`FREE`], counts for nothing: the number of instances bounds it. A request that needs more
//! waits for a first part, [`FIRST`], while it holds nothing of the budget, so that no two wait for each other. What it
//! needs beyond that it gets at once or not at all.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// What a request may use without counting, in bytes: most of it is the stack of a new instance, which few requests
/// touch.
const FREE: usize = 1536 << 10;

/// What a request that needs more gets at first, in bytes: enough for the largest page, whose JSON grows by doubling.
const FIRST: usize = 24 << 20;

/// What a body may have without counting, in bytes.
const FREE_BODY: usize = 64 << 10;

/// The steps in which a share grows, in bytes.
const STEP: usize = 1 << 20;

/// Bytes that all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    total: usize,
    left: Mutex<usize>,
    freed: Condvar,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(total: usize) -> Self {
        Self(Arc::new(Inner { total, left: Mutex::new(total), freed: Condvar::new() }))
    }

    /// A request's share, empty yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: self.clone(), held: 0, memory: 0, result: 0 }
    }

    /// Takes the bytes, waiting for them until `until`. Blocks the thread.
    fn take(&self, bytes: usize, until: Option<Instant>) -> bool {
        if bytes > self.0.total {
            return false;
        }
        let mut left = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < bytes {
            let wait = until.and_then(|until| until.checked_duration_since(Instant::now()));
            let Some(wait) = wait.filter(|wait| !wait.is_zero()) else {
                return false;
            };
            left = self.0.freed.wait_timeout(left, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        *left -= bytes;
        true
    }
}

/// What one request has of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    held: usize,
    memory: usize,
    result: usize,
}

impl Share {
    /// The instance's linear memory has so many bytes now. `false` where the budget has no room for them.
    pub(crate) fn memory(&mut self, bytes: usize, deadline: Instant) -> bool {
        self.memory = bytes;
        self.cover((self.memory + self.result).saturating_sub(FREE), Some(deadline))
    }

    /// The largest result of SQLite so far has so many bytes. `false` where the budget has no room for them.
    pub(crate) fn result(&mut self, bytes: usize, deadline: Instant) -> bool {
        self.result = self.result.max(bytes);
        self.cover((self.memory + self.result).saturating_sub(FREE), Some(deadline))
    }

    /// The body has so many bytes so far. `false` where the budget has no room for them now: what a slow client sends
    /// waits for nothing.
    pub(crate) fn body(&mut self, bytes: usize) -> bool {
        self.cover(bytes.saturating_sub(FREE_BODY), None)
    }

    fn cover(&mut self, need: usize, wait: Option<Instant>) -> bool {
        if need <= self.held {
            return true;
        }
        let goal = need.div_ceil(STEP) * STEP;
        let (goal, wait) = match wait {
            // No more than there is: a small budget admits one such request at a time.
            Some(deadline) if self.held == 0 => (goal.max(FIRST.min(self.budget.0.total)), Some(deadline)),
            _ => (goal, None),
        };
        let taken = self.budget.take(goal - self.held, wait);
        if taken {
            self.held = goal;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.0.left.lock().unwrap_or_else(PoisonError::into_inner) += self.held;
        self.budget.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn what_every_request_needs_counts_for_nothing() {
        let budget = Budget::new(0);
        let mut share = budget.share();
        assert!(share.memory(FREE, soon()) && share.body(FREE_BODY));
        assert!(!share.memory(FREE + 1, soon()));
    }

    #[test]
    fn a_large_request_waits_for_the_one_before_it() {
        let budget = Budget::new(FIRST);
        let mut first = budget.share();
        assert!(first.result(FREE + 1, soon()));
        let mut second = budget.share();
        assert!(!second.memory(FREE + 1, Instant::now()), "its time is over");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| second.memory(FREE + 1, soon()));
            drop(first);
            assert!(waits.join().unwrap());
        });
    }

    #[test]
    fn a_request_that_holds_a_share_never_waits_for_more() {
        let budget = Budget::new(2 * FIRST);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.memory(FREE + 1, soon()) && second.memory(FREE + 1, soon()));
        assert!(!first.memory(FREE + FIRST + 1, soon()));
        drop(second);
        assert!(first.memory(FREE + FIRST + 1, soon()));
    }

    #[test]
    fn a_body_that_finds_no_room_is_refused_at_once() {
        let budget = Budget::new(2 * STEP);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.body(FREE_BODY + STEP + 1));
        assert!(!second.body(FREE_BODY + 1));
        drop(first);
        assert!(second.body(FREE_BODY + 1));
    }
}
