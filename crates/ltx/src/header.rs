//! The first 100 bytes of a file. Numbers are big-endian.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | magic `LTX1` |
//! | 4 | 4 | flags: 2 = no database checksums |
//! | 8 | 4 | page size |
//! | 12 | 4 | commit: size of the database after this file, in pages |
//! | 16 | 8 | smallest TXID |
//! | 24 | 8 | largest TXID |
//! | 32 | 8 | timestamp, milliseconds since 1970 |
//! | 40 | 8 | pre-apply checksum: of the database before this file; 0 in a snapshot |
//! | 48 | 8 | offset in the WAL, or 0 |
//! | 56 | 8 | size in the WAL, or 0 |
//! | 64 | 4 | salt 1 of the WAL, or 0 |
//! | 68 | 4 | salt 2 of the WAL, or 0 |
//! | 72 | 8 | node id, or 0 |
//! | 80 | 8 | with flag 2: post-apply checksum, or 0 (an extension of ours) |
//! | 88 | 12 | zeros |
//!
//! Why the extension: Litestream up to 0.5.17 at least cannot restore a file whose trailer has a post-apply
//! checksum ("post-apply checksum not allowed"), whatever the flags say. It neither writes nor reads the
//! bytes from 80 on, and its file checksum covers them.

use crate::checksum::CHECKSUM_FLAG;
use crate::error::{Error, Result};

/// Size of the header in bytes.
pub const HEADER_SIZE: usize = 100;

/// Header flag: the file carries no checksums of the database in the places that LTX has for them. Litestream
/// always sets it, and cannot restore files without it.
pub const NO_CHECKSUM: u32 = 2;

const MAGIC: &[u8; 4] = b"LTX1";

/// What a file says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// 0 or [`NO_CHECKSUM`].
    pub flags: u32,
    /// 512 to 65,536, a power of two.
    pub page_size: u32,
    /// Size of the database after this file, in pages.
    pub commit: u32,
    /// The first transaction; 1 in a snapshot.
    pub min_txid: u64,
    /// The last transaction.
    pub max_txid: u64,
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The database's checksum before this file; 0 in a snapshot and with [`NO_CHECKSUM`].
    pub pre_apply_checksum: u64,
    /// The database's checksum after this file, with [`NO_CHECKSUM`] and where it is known before the first
    /// page is written; else 0.
    pub post_apply_checksum: u64,
    /// The transaction's offset in the WAL, or 0.
    pub wal_offset: u64,
    /// How much of the WAL it took, or 0.
    pub wal_size: u64,
    /// The WAL's first salt, or 0.
    pub wal_salt1: u32,
    /// The WAL's second salt, or 0.
    pub wal_salt2: u32,
    /// Who wrote it, or 0.
    pub node_id: u64,
}

impl Header {
    /// Whether the file holds every page of the database.
    pub fn is_snapshot(&self) -> bool {
        self.min_txid == 1
    }

    /// Whether the file carries checksums of the database where LTX has them.
    pub fn has_checksum(&self) -> bool {
        self.flags & NO_CHECKSUM == 0
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        let mut put = |offset: usize, field: &[u8]| bytes[offset..][..field.len()].copy_from_slice(field);
        put(0, MAGIC);
        put(4, &self.flags.to_be_bytes());
        put(8, &self.page_size.to_be_bytes());
        put(12, &self.commit.to_be_bytes());
        put(16, &self.min_txid.to_be_bytes());
        put(24, &self.max_txid.to_be_bytes());
        put(32, &self.timestamp_ms.to_be_bytes());
        put(40, &self.pre_apply_checksum.to_be_bytes());
        put(48, &self.wal_offset.to_be_bytes());
        put(56, &self.wal_size.to_be_bytes());
        put(64, &self.wal_salt1.to_be_bytes());
        put(68, &self.wal_salt2.to_be_bytes());
        put(72, &self.node_id.to_be_bytes());
        put(80, &self.post_apply_checksum.to_be_bytes());
        bytes
    }

    /// Reads and validates a header.
    ///
    /// # Errors
    /// [`Error::Magic`], and [`Error::Header`] with the field that cannot be.
    pub fn decode(bytes: &[u8; HEADER_SIZE]) -> Result<Self> {
        if bytes[..4] != *MAGIC {
            return Err(Error::Magic);
        }
        let mut header = Self {
            flags: u32_at(bytes, 4),
            page_size: u32_at(bytes, 8),
            commit: u32_at(bytes, 12),
            min_txid: u64_at(bytes, 16),
            max_txid: u64_at(bytes, 24),
            timestamp_ms: u64_at(bytes, 32).cast_signed(),
            pre_apply_checksum: u64_at(bytes, 40),
            wal_offset: u64_at(bytes, 48),
            wal_size: u64_at(bytes, 56),
            wal_salt1: u32_at(bytes, 64),
            wal_salt2: u32_at(bytes, 68),
            node_id: u64_at(bytes, 72),
            post_apply_checksum: u64_at(bytes, 80),
        };
        // Something else than ours.
        if header.has_checksum() || header.post_apply_checksum & CHECKSUM_FLAG == 0 {
            header.post_apply_checksum = 0;
        }
        header.validate()?;
        Ok(header)
    }

    /// Refuses what Litestream would refuse.
    ///
    /// # Errors
    /// [`Error::Header`] with the field that cannot be.
    pub fn validate(&self) -> Result<()> {
        let must = |holds: bool, field: &'static str, value: u64| {
            if holds { Ok(()) } else { Err(Error::Header { field, value }) }
        };
        must(self.flags & !NO_CHECKSUM == 0, "flags", self.flags.into())?;
        let page_size_fits = self.page_size.is_power_of_two() && (512..=65_536).contains(&self.page_size);
        must(page_size_fits, "page size", self.page_size.into())?;
        must(self.min_txid > 0, "smallest TXID", self.min_txid)?;
        must(self.max_txid >= self.min_txid, "largest TXID", self.max_txid)?;
        let pre = self.pre_apply_checksum;
        let pre_fits = if self.is_snapshot() || !self.has_checksum() { pre == 0 } else { pre & CHECKSUM_FLAG != 0 };
        must(pre_fits, "pre-apply checksum", pre)?;
        let post = self.post_apply_checksum;
        must(post == 0 || !self.has_checksum() && post & CHECKSUM_FLAG != 0, "post-apply checksum", post)?;
        must(i64::try_from(self.wal_offset).is_ok(), "WAL offset", self.wal_offset)?;
        must(i64::try_from(self.wal_size).is_ok(), "WAL size", self.wal_size)?;
        let has_salt = self.wal_salt1 != 0 || self.wal_salt2 != 0;
        must(self.wal_offset != 0 || !(has_salt || self.wal_size != 0), "WAL offset", self.wal_offset)
    }
}

fn u32_at(bytes: &[u8; HEADER_SIZE], offset: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[offset..][..4]);
    u32::from_be_bytes(field)
}

fn u64_at(bytes: &[u8; HEADER_SIZE], offset: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[offset..][..8]);
    u64::from_be_bytes(field)
}
