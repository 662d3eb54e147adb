//! A value that one thread sets and others read.

use std::sync::{Mutex, PoisonError};

/// The latest value.
#[derive(Debug, Default)]
pub struct Latest<T>(Mutex<T>);

impl<T: Copy> Latest<T> {
    /// As it was set last.
    pub fn get(&self) -> T {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it.
    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}
