//! Large buffers that are used again.
//!
//! An allocator keeps some megabytes that are freed, for each thread that has asked, or gives them back to the kernel
//! and gets them anew, zeroed, page by page. With parts that are read on one thread and freed on another, one costs
//! twice the memory and the other a third of the time.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// The unused buffers; there are never more than were in use at once. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// One with no bytes in it and room for `capacity` of them.
    pub(crate) fn with_capacity(&self, capacity: usize) -> Lent {
        let mut lent = self.any();
        lent.bytes.clear();
        lent.bytes.reserve_exact(capacity);
        lent
    }

    /// A buffer of `len` bytes with any content.
    pub(crate) fn of_len(&self, len: usize) -> Lent {
        let mut lent = self.any();
        // What is there need not be zeroed again.
        lent.bytes.reserve_exact(len.saturating_sub(lent.bytes.len()));
        lent.bytes.resize(len, 0);
        lent
    }

    fn any(&self) -> Lent {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Lent { bytes, of: self.clone() }
    }
}

/// A buffer that goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    bytes: Vec<u8>,
    of: Buffers,
}

impl Deref for Lent {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Lent> for Bytes {
    fn from(lent: Lent) -> Self {
        Self::from_owner(lent)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).push(mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_the_last_who_reads_it_is_done() {
        let buffers = Buffers::default();
        let first = buffers.of_len(1000);
        let address = first.as_ptr();
        let bytes = Bytes::from(first);
        let part = bytes.slice(10..20);
        drop(bytes);
        assert_ne!(buffers.of_len(1000).as_ptr(), address, "part of it is still read");
        drop(part);
        let again = [buffers.of_len(10), buffers.of_len(10)];
        assert!(again.iter().any(|buffer| buffer.as_ptr() == address));
        assert!(again.iter().all(|buffer| buffer.len() == 10));
    }

    #[test]
    fn one_to_be_filled_is_empty_and_has_room() {
        let buffers = Buffers::default();
        drop(buffers.of_len(100));
        let buffer = buffers.with_capacity(500);
        assert!(buffer.is_empty());
        assert!(buffer.capacity() >= 500);
    }
}
