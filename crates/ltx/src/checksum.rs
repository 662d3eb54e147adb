//! CRC-64/GO-ISO, of pages and of files.

use crc_fast::{CrcAlgorithm, Digest};

/// Set in every checksum, so that zero can mean "none".
pub const CHECKSUM_FLAG: u64 = 1 << 63;

/// The byte that SQLite's locks are taken on.
const PENDING_BYTE: u32 = 0x4000_0000;

/// The number of the page that holds SQLite's lock bytes: no LTX file has it, and no checksum.
pub fn lock_page(page_size: u32) -> u32 {
    PENDING_BYTE / page_size.max(1) + 1
}

/// The checksum of one page, without [`CHECKSUM_FLAG`].
///
/// The database's is the XOR over all pages but the lock page, with the flag: a page is replaced by adding
/// its old and its new checksum.
pub fn page_checksum(number: u32, page: &[u8]) -> u64 {
    let mut digest = digest();
    digest.update(&number.to_be_bytes());
    digest.update(page);
    digest.finalize()
}

/// The beginning of a file checksum.
pub(crate) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64GoIso)
}

/// What pages in a row add to the checksums of their file. Parts that were summed apart, by several threads,
/// are joined in the order of the file.
#[derive(Clone, Debug)]
pub struct PageSums {
    file: Digest,
    database: u64,
}

impl Default for PageSums {
    fn default() -> Self {
        Self { file: digest(), database: 0 }
    }
}

impl PageSums {
    /// Adds page `number`, whose frame begins with `head` (all before the compressed bytes).
    pub(crate) fn add(&mut self, number: u32, head: &[u8], page: &[u8]) {
        self.file.update(head);
        self.file.update(page);
        self.database ^= page_checksum(number, page);
    }

    /// Adds the pages that follow in the file.
    pub fn append(&mut self, next: &Self) {
        self.file.combine(&next.file);
        self.database ^= next.database;
    }

    /// The database checksum of these pages alone.
    pub fn database(&self) -> u64 {
        self.database | CHECKSUM_FLAG
    }

    /// The CRC over the pages' part of the file.
    pub(crate) fn file(&self) -> &Digest {
        &self.file
    }
}
