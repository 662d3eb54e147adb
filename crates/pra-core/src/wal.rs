//! The write-ahead log's format (<https://www.sqlite.org/fileformat2.html>, 4.1), as far as it takes
//! to know which pages a log may change. Numbers are big-endian.
//!
//! | offset | size | header, 32 bytes |
//! |---|---|---|
//! | 0 | 4 | magic: `0x377f0682` little-endian checksums, `0x377f0683` big-endian ones |
//! | 4 | 4 | format version, 3,007,000 |
//! | 8 | 4 | page size |
//! | 12 | 4 | checkpoint sequence number |
//! | 16 | 8 | salt 1, salt 2: new each time the log restarts |
//! | 24 | 8 | checksum of the above |
//!
//! | offset | size | frame, 24 bytes and a page |
//! |---|---|---|
//! | 0 | 4 | page number |
//! | 4 | 4 | size of the database in pages after this commit; 0 where the frame ends no transaction |
//! | 8 | 8 | the header's salts, or the frame is left over from an earlier run |
//! | 16 | 8 | checksum of the log up to here |
//! | 24 | … | the page |
//!
//! The log is an accelerator here and never a source of content: it says which pages to compare.
//! So frames are taken by their salts alone, uncommitted and torn ones too, to the end of the file: a
//! page too many costs one comparison, a page too few would be lost. Checksums are looked at only before the log is
//! written anew ([`is_whole`]).

mod sums;

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;

pub use sums::is_whole;

/// Size of the log's header.
pub const WAL_HEADER_SIZE: usize = 32;
/// Size of a frame's header.
pub const FRAME_HEADER_SIZE: usize = 24;
/// Magic number; the lowest bit tells the checksums' byte order.
const MAGIC: u32 = 0x377f_0682;
/// The only format version there has been.
const VERSION: u32 = 3_007_000;
/// Numbers that may pile up before duplicates among them are dropped.
const PENDING: usize = 64 * 1024;

/// What the log's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalHeader {
    /// 512 to 65,536, a power of two.
    pub page_size: u32,
    /// Number of the log's restarts.
    pub checkpoint_seq: u32,
    /// What the frames of this run carry.
    pub salts: (u32, u32),
    /// Byte order in which checksums are computed: that of the machine which made the log.
    pub big_endian_checksums: bool,
}

/// Why a log cannot say which pages changed. The answer to each is to compare all pages.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// Another magic number, version or an impossible page size. SQLite ignores such a log.
    #[error("the file is not a write-ahead log")]
    NotALog,
    /// Of a database with another page size.
    #[error("the write-ahead log has pages of {found} bytes, the database of {expected}")]
    OtherPageSize {
        /// The database's.
        expected: u32,
        /// The log's.
        found: u32,
    },
    /// Reading failed.
    #[error("failed to read the write-ahead log")]
    Read(#[from] io::Error),
}

impl WalHeader {
    /// Reads a header.
    pub fn parse(bytes: &[u8; WAL_HEADER_SIZE]) -> Result<Self, WalError> {
        let magic = u32_at(bytes, 0);
        let page_size = u32_at(bytes, 8);
        let possible = page_size.is_power_of_two() && (512..=65_536).contains(&page_size);
        if magic & !1 != MAGIC || u32_at(bytes, 4) != VERSION || !possible {
            return Err(WalError::NotALog);
        }
        Ok(Self {
            page_size,
            checkpoint_seq: u32_at(bytes, 12),
            salts: (u32_at(bytes, 16), u32_at(bytes, 20)),
            big_endian_checksums: magic & 1 == 1,
        })
    }
}

/// What a log may change in its database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The header that was read; `None` where the log is empty or ends within it. Who must be sure
    /// that the log did not restart meanwhile reads it again and compares.
    pub header: Option<WalHeader>,
    /// Numbers of the pages, ascending, each once.
    pub pages: Vec<u32>,
    /// The greatest size in pages that any commit gives; `None` where there is no commit frame.
    pub largest_commit: Option<u32>,
    /// Frames of this run.
    pub frames: u64,
}

/// The pages that `wal`, read from its start, may change in a database of `page_size`. Reads the
/// frames' headers only. The file may end anywhere.
pub fn changed_pages(wal: &mut (impl Read + Seek), page_size: u32) -> Result<Changed, WalError> {
    let mut changed = Changed::default();
    wal.seek(SeekFrom::Start(0))?;
    let mut bytes = [0; WAL_HEADER_SIZE];
    if !fill(wal, &mut bytes)? {
        return Ok(changed);
    }
    let header = WalHeader::parse(&bytes)?;
    if header.page_size != page_size {
        return Err(WalError::OtherPageSize { expected: page_size, found: header.page_size });
    }
    changed.header = Some(header);
    let mut limit = PENDING;
    let mut frame = [0; FRAME_HEADER_SIZE];
    while fill(wal, &mut frame)? {
        let (page, commit) = (u32_at(&frame, 0), u32_at(&frame, 4));
        if (u32_at(&frame, 8), u32_at(&frame, 12)) == header.salts && page != 0 {
            changed.frames += 1;
            changed.pages.push(page);
            if commit != 0 {
                changed.largest_commit = changed.largest_commit.max(Some(commit));
            }
        }
        if changed.pages.len() >= limit {
            sort(&mut changed.pages);
            limit = changed.pages.len() * 2 + PENDING;
        }
        wal.seek_relative(i64::from(page_size))?;
    }
    sort(&mut changed.pages);
    Ok(changed)
}

/// Bytes in a page of `wal`; `None` where it is empty or ends within its header.
///
/// # Errors
/// [`WalError::NotALog`], and what reading meets.
pub fn page_size(wal: &mut (impl Read + Seek)) -> Result<Option<u32>, WalError> {
    wal.seek(SeekFrom::Start(0))?;
    let mut bytes = [0; WAL_HEADER_SIZE];
    Ok(if fill(wal, &mut bytes)? { Some(WalHeader::parse(&bytes)?.page_size) } else { None })
}

/// What the frames of one stretch of a log do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Numbers of the pages, ascending, each once.
    pub pages: Vec<u32>,
    /// The smallest size in pages that any commit among them gives; `None` where there is no commit frame.
    pub smallest_commit: Option<u32>,
}

/// Reads the headers of the frames `frames`, counted from 1, of the run with these `salts`. `None` where one of them is
/// missing or of another run: the log restarted, and these frames are gone.
pub fn stretch(
    wal: &mut (impl Read + Seek),
    page_size: u32,
    salts: (u32, u32),
    frames: RangeInclusive<u32>,
) -> io::Result<Option<Stretch>> {
    let size = FRAME_HEADER_SIZE as u64 + u64::from(page_size);
    let before = u64::from(frames.start().saturating_sub(1));
    wal.seek(SeekFrom::Start(WAL_HEADER_SIZE as u64 + before * size))?;
    let mut stretch = Stretch::default();
    let mut limit = PENDING;
    let mut frame = [0; FRAME_HEADER_SIZE];
    for _ in frames {
        if !fill(wal, &mut frame)? || (u32_at(&frame, 8), u32_at(&frame, 12)) != salts {
            return Ok(None);
        }
        stretch.pages.push(u32_at(&frame, 0));
        let commit = u32_at(&frame, 4);
        if commit != 0 {
            stretch.smallest_commit = Some(stretch.smallest_commit.map_or(commit, |least| least.min(commit)));
        }
        if stretch.pages.len() >= limit {
            sort(&mut stretch.pages);
            limit = stretch.pages.len() * 2 + PENDING;
        }
        wal.seek_relative(i64::from(page_size))?;
    }
    sort(&mut stretch.pages);
    Ok(Some(stretch))
}

/// Memory follows the number of pages, not that of frames.
fn sort(pages: &mut Vec<u32>) {
    pages.sort_unstable();
    pages.dedup();
}

/// Fills `buffer`; `false` where the file ends before.
fn fill(wal: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match wal.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
