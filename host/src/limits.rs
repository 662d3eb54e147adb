//! What one request may use, and how many may run at once.

use std::time::{Duration, Instant};

use wasmtime::ResourceLimiter;

use crate::budget::Share;

/// How many instances are kept for probes, which never wait for other requests.
pub(crate) const PROBES: u32 = 2;

/// The bounds of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many instances run at once; further requests wait.
    pub(crate) instances: u32,
    /// How many connections are open at once.
    pub(crate) connections: usize,
    /// The linear memory of one instance, in bytes.
    pub(crate) memory_bytes: usize,
    /// What all requests together may use beyond what each one needs, in bytes.
    pub(crate) shared_bytes: usize,
    /// How long a request may take, waiting included.
    pub(crate) time: Duration,
    /// How long its body may take.
    pub(crate) body_time: Duration,
}

/// Refuses growth above the limit, and remembers that it did: the guest only sees an allocation that failed.
pub(crate) struct MemoryLimit {
    bytes: usize,
    share: Share,
    deadline: Instant,
    /// Whether an allocation was refused.
    pub(crate) reached: bool,
    /// Whether one was refused, or a result of SQLite, since all requests together had too much.
    pub(crate) crowded: bool,
}

impl MemoryLimit {
    /// A limit of so many bytes, not reached yet, within a share that is waited for until `deadline`.
    pub(crate) fn new(bytes: usize, share: Share, deadline: Instant) -> Self {
        Self { bytes, share, deadline, reached: false, crowded: false }
    }

    /// Whether there is room for a result of so many bytes.
    pub(crate) fn result(&mut self, bytes: usize) -> bool {
        let fits = self.share.result(bytes, self.deadline);
        self.crowded |= !fits;
        fits
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.bytes && maximum.is_none_or(|maximum| desired <= maximum);
        self.reached |= !fits;
        if !fits {
            return Ok(false);
        }
        let fits = self.share.memory(desired, self.deadline);
        self.crowded |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}
