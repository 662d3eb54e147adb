//! The database checksum of LTX v3 (<https://github.com/superfly/ltx>), and a stronger one for content.
//!
//! ```text
//! page checksum = CRC-64/GO-ISO(page number as u32 big-endian ‖ bytes of the page)
//! ltx           = XOR of the page checksums              | 1 << 63
//! content       = XOR of mix(page checksum), page 1 with | 1 << 63
//!                 its volatile bytes zeroed
//! ```
//!
//! The lock page is left out. XOR knows no order, so pages may be added as they come and by several
//! threads at once, and a page can be replaced without reading the others.
//!
//! Why content is not simply `ltx` over the masked file: a CRC is linear, so in `ltx` the numbers and
//! the bytes of the pages fall apart into two sums. Two pages that changed places, or in which the
//! same bits changed, leave it as it was, and SQLite does the latter whenever one statement sets a
//! flag in two rows that lie at the same place of two pages. A backup would then be taken for
//! unchanged. `mix` is not linear, and nothing cancels.
//!
//! Both find accidents (flipped bits, torn or stale pages), not an adversary.

use pra_core::{Checksum, Checksums, header};

use crate::checksum::{CHECKSUM_FLAG, lock_page, page_checksum};

/// Both checksums in the making. One pass over the pages, in any order, each exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseChecksum {
    lock_page: u32,
    ltx: u64,
    content: u64,
}

impl DatabaseChecksum {
    /// Of no pages yet. The page size decides which page is the lock page.
    pub fn new(page_size: u32) -> Self {
        Self { lock_page: lock_page(page_size), ltx: 0, content: 0 }
    }

    /// Adds page `number`, counted from 1; the lock page is ignored.
    pub fn add(&mut self, number: u32, page: &[u8]) {
        if number == self.lock_page {
            return;
        }
        let sum = page_checksum(number, page);
        self.ltx ^= sum;
        self.content ^= mix(if number == 1 { masked_checksum(page) } else { sum });
    }

    /// Adds what another thread has summed over other pages of the same database.
    pub fn merge(&mut self, other: &Self) {
        self.ltx ^= other.ltx;
        self.content ^= other.content;
    }

    /// The checksums of the pages added so far.
    pub fn finish(&self) -> Checksums {
        Checksums {
            ltx: Checksum::from(self.ltx | CHECKSUM_FLAG),
            content: Checksum::from(self.content | CHECKSUM_FLAG),
        }
    }
}

/// A bijection of which every output bit depends on every input bit: the finaliser of SplitMix64.
fn mix(sum: u64) -> u64 {
    let sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

/// The checksum of page 1, its volatile bytes zeroed. Copies the page, once a database.
fn masked_checksum(page: &[u8]) -> u64 {
    let mut page = page.to_vec();
    header::mask(&mut page);
    page_checksum(1, &page)
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
