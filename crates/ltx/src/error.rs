//! Each thing that can be wrong with a file, and where.

use std::io;

/// The result of reading or writing LTX.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong. Offsets count bytes from the start of the file, or of the slice that was given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The reader failed.
    #[error("failed to read at byte {offset}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The writer failed.
    #[error("failed to write at byte {offset}")]
    Write {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The bytes end too early.
    #[error("the LTX file ends too early, at byte {offset}")]
    Truncated {
        /// The end.
        offset: u64,
    },
    /// There are bytes behind the trailer.
    #[error("the LTX file goes on behind its trailer, at byte {offset}")]
    Trailing {
        /// The first of them.
        offset: u64,
    },
    /// Something else than LTX, such as an encrypted file.
    #[error("not an LTX file: it does not begin with 'LTX1'")]
    Magic,
    /// A header that cannot be.
    #[error("the LTX header is invalid: {field} is {value}")]
    Header {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A trailer that cannot be, or does not go with the header.
    #[error("the LTX trailer is invalid: {field} is {value:016x}")]
    Trailer {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A kind of frame that this version does not know.
    #[error("page {page} has unknown flags {flags:#06x}")]
    PageFlags {
        /// The page.
        page: u32,
        /// Its flags.
        flags: u16,
    },
    /// The compressed page is larger than any page can become.
    #[error("page {page} says that it takes {size} bytes, more than a page can")]
    FrameSize {
        /// The page.
        page: u32,
        /// What it says.
        size: u64,
    },
    /// An LZ4 block that cannot be decompressed.
    #[error("page {page} cannot be decompressed")]
    Lz4Block {
        /// The page.
        page: u32,
        /// Why.
        source: lz4_flex::block::DecompressError,
    },
    /// A page that cannot be compressed.
    #[error("page {page} cannot be compressed")]
    Compress {
        /// The page.
        page: u32,
        /// Why.
        source: lz4_flex::block::CompressError,
    },
    /// An LZ4 frame that is damaged or of a kind that Litestream never wrote.
    #[error("page {page} is not in a valid LZ4 frame: {what}")]
    Lz4Frame {
        /// The page.
        page: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// A page that has not the file's page size.
    #[error("page {page} has {found} bytes instead of {expected}")]
    PageSize {
        /// The page.
        page: u32,
        /// The file's page size.
        expected: usize,
        /// The page's.
        found: usize,
    },
    /// A page that is not above the one before.
    #[error("page {page} comes after page {after}")]
    PageOrder {
        /// The page.
        page: u32,
        /// The page before.
        after: u32,
    },
    /// The page that SQLite's locks are taken on, which no file may hold.
    #[error("page {page} is the lock page")]
    LockPage {
        /// The page.
        page: u32,
    },
    /// A page above the size that the database has after this file.
    #[error("page {page} lies beyond the database's {commit} pages")]
    PageBeyond {
        /// The page.
        page: u32,
        /// The database's size in pages.
        commit: u32,
    },
    /// A snapshot without one of its pages.
    #[error("the snapshot lacks page {page}")]
    PageMissing {
        /// The first that is not there.
        page: u32,
    },
    /// A frame that is not the one that was asked for, or not a single one.
    #[error("the bytes given as page {page} are not one frame of it")]
    NotOneFrame {
        /// The page.
        page: u32,
    },
    /// `finish` before the last page was taken.
    #[error("the LTX file has more pages, at byte {offset}")]
    PagesLeft {
        /// The next frame.
        offset: u64,
    },
    /// The page index does not say where the pages are.
    #[error("the page index is wrong at byte {offset}")]
    Index {
        /// Where.
        offset: u64,
    },
    /// The page index does not fit into the tail that was given.
    #[error("the page index needs the last {needed} bytes of the file")]
    IndexLonger {
        /// How long the tail must be.
        needed: u64,
    },
    /// The pages of a snapshot are not those of its trailer.
    #[error("the pages have the database checksum {found:016x}, not {expected:016x} as the trailer says")]
    DatabaseChecksum {
        /// The trailer's.
        expected: u64,
        /// The pages'.
        found: u64,
    },
    /// The file is not the one that was written.
    #[error("the file checksum is {found:016x}, not {expected:016x} as the trailer says")]
    FileChecksum {
        /// The trailer's.
        expected: u64,
        /// The file's.
        found: u64,
    },
    /// A name that is not `<16 hex digits>-<16 hex digits>.ltx`.
    #[error("'{0}' is not the name of an LTX file")]
    FileName(String),
}
