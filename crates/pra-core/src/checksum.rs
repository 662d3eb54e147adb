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

use std::fmt;
use std::str::FromStr;

use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};

use super::header;

/// The generator x^64 + x^4 + x^3 + x + 1 of ISO 3309, its bits reflected (Go: `crc64.ISO`).
const POLYNOMIAL: u64 = 0xd800_0000_0000_0000;

/// Set in every checksum, so that zero can mean "none" (LTX: `ChecksumFlag`).
const FLAG: u64 = 1 << 63;

/// A database checksum; text and JSON are 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Checksum(u64);

impl Checksum {
    /// Not taken. No database has it, since every checksum has its top bit set.
    pub const NONE: Self = Self(0);

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Checksum {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// A text that is not 16 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a checksum of 16 lower-case hex digits")]
pub struct ParseChecksumError(String);

impl FromStr for Checksum {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Self, ParseChecksumError> {
        let exact = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(value) if exact => Ok(Self(value)),
            _ => Err(ParseChecksumError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Checksum {
    type Error = ParseChecksumError;

    fn try_from(text: String) -> Result<Self, ParseChecksumError> {
        text.parse()
    }
}

/// Both checksums of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checksums {
    /// Of the file as it is, for those who speak LTX. Not a proof that nothing changed.
    pub ltx: Checksum,
    /// Of what the file holds: equal for a live database, its backup and what is restored from it.
    pub content: Checksum,
}

impl fmt::Display for Checksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (content {})", self.ltx, self.content)
    }
}

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
        Self { lock_page: header::lock_page(page_size), ltx: 0, content: 0 }
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
        Checksums { ltx: Checksum(self.ltx | FLAG), content: Checksum(self.content | FLAG) }
    }
}

/// CRC-64/GO-ISO in the making.
pub fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64GoIso)
}

/// CRC-64/GO-ISO of any bytes.
pub fn of_bytes(bytes: &[u8]) -> u64 {
    let mut digest = digest();
    digest.update(bytes);
    digest.finalize()
}

/// The checksum of a page as LTX files hold it, the flag set.
pub fn ltx_page(number: u32, page: &[u8]) -> u64 {
    page_checksum(number, page) | FLAG
}

/// CRC-64/GO-ISO over the number and the page.
///
/// The number goes through a table and the page through SIMD, starting from the state that the number
/// leaves. Two updates of one digest cost a quarter more for pages of 4,096 bytes, and putting both
/// into one buffer half as much again; this is as fast as memory delivers the pages (about 30 GB/s).
fn page_checksum(number: u32, page: &[u8]) -> u64 {
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
mod tests;
