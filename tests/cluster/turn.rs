//! Whose turn it is. Tests wait for the cluster more than they work, so that several go on at once; one that measures has
//! the cluster to itself.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static CLUSTER: RwLock<()> = RwLock::new(());

/// The right to use the cluster. A thread must not take a second one.
pub(crate) enum Turn {
    Shared(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

impl Turn {
    /// Beside others, once no test runs alone or waits to do so.
    pub(crate) fn shared() -> Self {
        Self::Shared(CLUSTER.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Once all others are done.
    pub(crate) fn alone() -> Self {
        Self::Alone(CLUSTER.write().unwrap_or_else(PoisonError::into_inner))
    }
}
