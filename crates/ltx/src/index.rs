//! The page index: where each frame is, so that single pages and ranges of a large file can be fetched.
//!
//! Uvarints (7 bits a byte, the lowest first, top bit: more follow), three for each page by ascending number;
//! a 0 byte; the size of all this as a big-endian `u64`.

use crate::error::{Error, Result};
use crate::frame::PAGE_HEADER_SIZE;
use crate::header::HEADER_SIZE;
use crate::trailer::TRAILER_SIZE;

/// The size of the index is stored in this many bytes.
const SIZE_SIZE: usize = 8;

/// Where one page's frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The page.
    pub page: u32,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes of the frame.
    pub size: u64,
}

/// The bytes of an index in the making.
#[derive(Debug, Default)]
pub(crate) struct Builder(Vec<u8>);

impl Builder {
    pub(crate) fn add(&mut self, entry: IndexEntry) {
        for value in [entry.page.into(), entry.offset, entry.size] {
            push_uvarint(&mut self.0, value);
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.push(0);
        let size = self.0.len() as u64;
        self.0.extend_from_slice(&size.to_be_bytes());
        self.0
    }
}

/// Reads the index from the last bytes of a file of `file_size` bytes.
///
/// # Errors
/// [`Error::IndexLonger`] where `tail` is too short: it names the length that does. [`Error::Index`] where
/// the frames that it names do not lie side by side between the header and the index.
pub fn read_index(tail: &[u8], file_size: u64) -> Result<Vec<IndexEntry>> {
    let tail_start = file_size.checked_sub(tail.len() as u64).ok_or(Error::Truncated { offset: file_size })?;
    let longer = |needed: u64| Error::IndexLonger { needed };
    let (rest, _trailer) = tail.split_last_chunk::<TRAILER_SIZE>().ok_or(longer(64))?;
    let (rest, size) = rest.split_last_chunk::<SIZE_SIZE>().ok_or(longer(64))?;
    let size = u64::from_be_bytes(*size);
    let end = tail_start + rest.len() as u64;
    let smallest_start = (HEADER_SIZE + PAGE_HEADER_SIZE) as u64;
    let start = end.checked_sub(size).filter(|start| *start >= smallest_start).ok_or(Error::Index { offset: end })?;
    let within = start.checked_sub(tail_start).ok_or(longer(file_size - start))?;
    let index = usize::try_from(within).ok().and_then(|within| rest.get(within..)).unwrap_or_default();
    entries(index, start)
}

fn entries(index: &[u8], start: u64) -> Result<Vec<IndexEntry>> {
    let mut rest = index;
    let mut entries = Vec::new();
    let mut next = HEADER_SIZE as u64;
    let mut last = 0;
    loop {
        let wrong = Error::Index { offset: start + (index.len() - rest.len()) as u64 };
        let Some(page) = uvarint(&mut rest) else { return Err(wrong) };
        if page == 0 {
            let complete = rest.is_empty() && next + PAGE_HEADER_SIZE as u64 == start;
            return if complete { Ok(entries) } else { Err(wrong) };
        }
        let (Some(offset), Some(size)) = (uvarint(&mut rest), uvarint(&mut rest)) else { return Err(wrong) };
        let page = u32::try_from(page).ok().filter(|page| *page > last && offset == next && size > 0);
        let (Some(page), Some(after)) = (page, offset.checked_add(size).filter(|after| *after < start)) else {
            return Err(wrong);
        };
        entries.push(IndexEntry { page, offset, size });
        (last, next) = (page, after);
    }
}

fn push_uvarint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The next uvarint; `None` where it is cut off or too large.
fn uvarint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits.leading_zeros() < shift {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
