//! CRC-64/GO-ISO, of pages and of files.

use crc_fast::{CrcAlgorithm, Digest};

/// The generator x^64 + x^4 + x^3 + x + 1 of ISO 3309, its bits reflected (Go: `crc64.ISO`).
pub(crate) const POLYNOMIAL: u64 = 0xd800_0000_0000_0000;

/// Set in every checksum, so that zero can mean "none".
pub const CHECKSUM_FLAG: u64 = 1 << 63;

/// The byte that SQLite's locks are taken on.
const PENDING_BYTE: u32 = 0x4000_0000;

/// The number of the page that holds SQLite's lock bytes: no LTX file has it, and no checksum.
pub fn lock_page(page_size: u32) -> u32 {
    PENDING_BYTE / page_size.max(1) + 1
}

/// CRC-64/GO-ISO in the making.
pub fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64GoIso)
}

/// CRC-64/GO-ISO of any bytes.
pub fn checksum(bytes: &[u8]) -> u64 {
    let mut digest = digest();
    digest.update(bytes);
    digest.finalize()
}

/// The checksum of one page, without [`CHECKSUM_FLAG`]: CRC-64/GO-ISO over the number and the page.
///
/// The database's is the XOR over all pages but the lock page, with the flag: a page is replaced by adding
/// its old and its new checksum.
///
/// The number goes through a table and the page through SIMD, starting from the state that the number
/// leaves. Two updates of one digest cost a quarter more for pages of 4,096 bytes, and putting both
/// into one buffer half as much again; this is as fast as memory delivers the pages (about 30 GB/s).
pub fn page_checksum(number: u32, page: &[u8]) -> u64 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc64GoIso, state_after(number));
    digest.update(page);
    digest.finalize()
}

/// The CRC's state after the four bytes of a page number.
fn state_after(number: u32) -> u64 {
    number.to_be_bytes().into_iter().fold(u64::MAX, |state, byte| {
        let [low, ..] = state.to_le_bytes();
        (state >> 8) ^ TABLE[usize::from(low ^ byte)]
    })
}

/// What each value of the lowest byte does to the rest of the state.
static TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut state = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            state = (state >> 1) ^ if state & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = state;
        byte += 1;
    }
    table
};

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
