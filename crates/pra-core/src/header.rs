//! The first 100 bytes of a SQLite database file (<https://www.sqlite.org/fileformat2.html>, 1.3).
//! Numbers are big-endian.
//!
//! | offset | size | field | volatile |
//! |---|---|---|---|
//! | 0 | 16 | `SQLite format 3\0` | |
//! | 16 | 2 | page size; 1 means 65,536 | |
//! | 18 | 1 | write version: 1 rollback journal, 2 WAL | yes |
//! | 19 | 1 | read version: the same | yes |
//! | 20 | 1 | reserved bytes at the end of each page | |
//! | 21 | 3 | payload fractions, always 64, 32, 32 | |
//! | 24 | 4 | file change counter | yes |
//! | 28 | 4 | size in pages | |
//! | 32 | 8 | first free-list trunk page, number of free pages | |
//! | 40 | 4 | schema cookie | yes |
//! | 44 | 12 | schema format, cache size, largest root page | |
//! | 56 | 4 | text encoding: 1 UTF-8, 2 UTF-16le, 3 UTF-16be | |
//! | 60 | 4 | `user_version` | |
//! | 64 | 4 | incremental vacuum | |
//! | 68 | 4 | `application_id` | |
//! | 72 | 20 | zeros | |
//! | 92 | 4 | change counter for which the size at 28 is valid | yes |
//! | 96 | 4 | version of the SQLite that wrote last | yes |
//!
//! *Volatile* bytes differ between a live database, its backup and what is restored from it, though
//! the content is the same: a backup is switched to rollback-journal mode, a commit moves the
//! counter and leaves the version of the SQLite that made it, and an in-place restore takes a new schema cookie so that
//! open connections notice.

use std::ops::Range;

/// Size of the header.
pub const HEADER_SIZE: usize = 100;

/// What the file starts with.
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The journal mode, as write and read version.
pub const JOURNAL_MODE: Range<usize> = 18..20;
/// The file change counter.
pub const CHANGE_COUNTER: Range<usize> = 24..28;
/// The schema cookie.
pub const SCHEMA_COOKIE: Range<usize> = 40..44;
/// The change counter for which the size in the header is valid.
pub const VERSION_VALID_FOR: Range<usize> = 92..96;
/// The version of the SQLite that wrote last: the application's, or ours.
pub const WRITER_VERSION: Range<usize> = 96..100;

/// The byte ranges of page 1 that may differ where the content is equal.
pub const VOLATILE: [Range<usize>; 5] =
    [JOURNAL_MODE, CHANGE_COUNTER, SCHEMA_COOKIE, VERSION_VALID_FOR, WRITER_VERSION];

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 512 to 65,536, a power of two.
    pub page_size: u32,
    /// 1: rollback journal, 2: WAL; a greater one makes the database read-only.
    pub write_version: u8,
    /// 1: rollback journal, 2: WAL.
    pub read_version: u8,
    /// Bytes at the end of each page that SQLite leaves to extensions.
    pub reserved: u8,
    /// Moves with each commit in rollback-journal mode; need not move in WAL mode.
    pub change_counter: u32,
    /// Size in pages, as written; see [`Header::valid_pages`].
    pub pages: u32,
    /// Moves with each change of the schema.
    pub schema_cookie: u32,
    /// The change counter for which `pages` is valid.
    pub version_valid_for: u32,
    /// 1 UTF-8, 2 UTF-16le, 3 UTF-16be; 0 while no table has been made.
    pub text_encoding: u32,
    /// `PRAGMA user_version`.
    pub user_version: i32,
    /// `PRAGMA application_id`.
    pub application_id: i32,
}

/// Why bytes are not the start of a SQLite database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// 0 bytes: a valid database to SQLite, without tables; to us there is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Ends within the header.
    #[error("the file ends after {0} bytes, within the header of {HEADER_SIZE}")]
    TooShort(usize),
    /// The first 16 bytes are something else.
    #[error("the file is not a SQLite database, or it is encrypted")]
    NotADatabase,
    /// Not a power of two from 512 to 65,536.
    #[error("the header gives an impossible page size of {0}")]
    BadPageSize(u32),
    /// A field that SQLite would refuse.
    #[error("the header has the impossible value {value} in its field '{field}'")]
    BadField {
        /// The field's name in the table of this module.
        field: &'static str,
        /// The value found there.
        value: u32,
    },
}

impl Header {
    /// Reads the header at the start of `bytes`, which may go on after it.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.is_empty() {
            return Err(HeaderError::Empty);
        }
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(HeaderError::NotADatabase);
        }
        let Some(header) = bytes.first_chunk::<HEADER_SIZE>() else {
            return Err(HeaderError::TooShort(bytes.len()));
        };
        let u32_at = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => u32::from(size),
            size => return Err(HeaderError::BadPageSize(u32::from(size))),
        };
        let parsed = Self {
            page_size,
            write_version: header[18],
            read_version: header[19],
            reserved: header[20],
            change_counter: u32_at(CHANGE_COUNTER.start),
            pages: u32_at(28),
            schema_cookie: u32_at(SCHEMA_COOKIE.start),
            version_valid_for: u32_at(VERSION_VALID_FOR.start),
            text_encoding: u32_at(56),
            user_version: u32_at(60).cast_signed(),
            application_id: u32_at(68).cast_signed(),
        };
        parsed.refuse_what_sqlite_refuses([header[21], header[22], header[23]])
    }

    /// The checks of SQLite's `lockBtree`, beyond magic and page size.
    fn refuse_what_sqlite_refuses(self, fractions: [u8; 3]) -> Result<Self, HeaderError> {
        let bad = |field, value: u8| Err(HeaderError::BadField { field, value: u32::from(value) });
        if self.read_version > 2 {
            return bad("read version", self.read_version);
        }
        if fractions != [64, 32, 32] {
            let wrong = fractions.into_iter().zip([64, 32, 32]).find(|(is, must)| is != must);
            return bad("payload fractions", wrong.map_or(0, |(is, _)| is));
        }
        // At least 480 bytes of a page must be usable.
        if self.page_size - u32::from(self.reserved) < 480 {
            return bad("reserved bytes", self.reserved);
        }
        Ok(self)
    }

    /// Whether the database is in WAL mode.
    pub fn is_wal(&self) -> bool {
        self.read_version == 2
    }

    /// The size in pages, where the header can be trusted with it; else the file's size says it.
    pub fn valid_pages(&self) -> Option<u32> {
        (self.pages != 0 && self.change_counter == self.version_valid_for).then_some(self.pages)
    }
}

/// Zeroes the volatile bytes of page 1 (what of them lies within `page1`).
pub fn mask(page1: &mut [u8]) {
    for range in VOLATILE {
        let end = range.end.min(page1.len());
        page1[range.start.min(end)..end].fill(0);
    }
}

/// Makes page 1 say WAL or rollback journal. Fewer bytes than the two concerned are left alone.
pub fn set_journal_mode(page1: &mut [u8], wal: bool) {
    if let Some(versions) = page1.get_mut(JOURNAL_MODE) {
        versions.fill(if wal { 2 } else { 1 });
    }
}

#[cfg(test)]
mod tests;
