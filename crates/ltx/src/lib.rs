//! The LTX v3 file format (<https://github.com/superfly/ltx>): what one or more transactions changed in a
//! SQLite database, as Litestream 0.5 writes and restores it. Readers and writers only, no file and no clock.
//!
//! Numbers are big-endian. A whole file:
//!
//! | offset | size | field | in the file checksum |
//! |---|---|---|---|
//! | 0 | 100 | [`Header`]: its own table | yes |
//! | 100 | | frames, by ascending page number, each of them: | |
//! | +0 | 4 | page number, from 1; never the lock page, never above the header's commit | yes |
//! | +4 | 2 | flags: 1 = LZ4 block follows (Litestream from 0.5.16); 0 = LZ4 frame follows (before) | yes |
//! | +6 | 4 | with flag 1 only: size n of the block | yes |
//! | +10 | n | the compressed page | *uncompressed* |
//! | … | 6 | zeros: the end of the frames | yes |
//! | … | | index: for each page the uvarints number, offset and size of its frame; a 0 byte | yes |
//! | −24 | 8 | size of the index, its 0 byte included | yes |
//! | −16 | 8 | post-apply checksum: of the database after this file, or 0 with [`NO_CHECKSUM`] | yes |
//! | −8 | 8 | file checksum | no |
//!
//! All checksums are CRC-64/GO-ISO with the top bit set, so that 0 can mean "none". The database's is the
//! XOR of its pages' ([`page_checksum`]), without the lock page. Litestream leaves the database checksums out
//! (flag [`NO_CHECKSUM`]) and restores no file that has them where LTX has a place for them; ours has its own,
//! in the header.
//!
//! A file whose smallest TXID is 1 is a *snapshot*: it holds every page.
//!
//! ```text
//! Encoder ── frame::compress            Decoder ── FrameReader ── frames, not yet decompressed
//!    │                                     │            │
//!    ├── order    ascending, complete      ├── PageSums of what was decompressed, also in parts and in parallel
//!    └── index                             └── Tail: index, database and file checksum
//! ```
//!
//! Reading allocates at most a page's frame ahead of what was read, and an index in proportion to the pages
//! that came. Damage is an error that says where.

mod checksum;
mod database;
mod decoder;
mod encoder;
mod error;
mod frame;
mod header;
mod index;
mod lz4_frame;
mod name;
mod order;
mod reader;
mod trailer;

pub use checksum::{CHECKSUM_FLAG, PageSums, checksum, digest, lock_page, page_checksum};
pub use database::DatabaseChecksum;
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use frame::{compress, decode_frame, decode_frames};
pub use header::{HEADER_SIZE, Header, NO_CHECKSUM};
pub use index::{IndexEntry, read_index};
pub use name::FileName;
pub use reader::{FrameReader, Tail};
pub use trailer::{TRAILER_SIZE, Trailer};
