//! What one request may use, and how many may run at once.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The bounds of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many instances run at once; further requests wait.
    pub(crate) instances: u32,
    /// The linear memory of one instance, in bytes.
    pub(crate) memory_bytes: usize,
    /// How long a request may take, waiting included.
    pub(crate) time: Duration,
}

/// Refuses growth above the limit, and remembers that it did: the guest only sees an allocation that failed.
pub(crate) struct MemoryLimit {
    bytes: usize,
    /// Whether an allocation was refused.
    pub(crate) reached: bool,
}

impl MemoryLimit {
    /// A limit of so many bytes, not reached yet.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, reached: false }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.bytes && maximum.is_none_or(|maximum| desired <= maximum);
        self.reached |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}
