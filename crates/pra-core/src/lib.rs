//! The pure core: what a restore point is, what it is called, which one a request means, which ones
//! stay, and what the bytes of a SQLite file say. No file is opened here, no clock is read and no
//! database is linked: time and bytes come in as arguments, so every rule can be tested on its own.
//!
//! ```text
//!   folder of backups                                  a request
//!   backup-2025-01-10-12-00.db ──┐                     "latest" | file | instant | age
//!   pre-restore-2025-….db        │ naming                   │ point::FromStr
//!   .pra-tmp-… (leftovers)       ▼                          ▼
//!                          RestorePoint  ──────────►  point::select ──► one RestorePoint, or
//!                          (a catalog row)                              why there is none
//!                                │
//!                                └── retention::plan(keep, now) ──► a Decision for each file
//!
//!   database file              page 1        every page            its -wal
//!                                 │               │                    │
//!                           header::Header   ltx::DatabaseChecksum       wal::changed_pages
//!                                 │               │                    │
//!                           page size, mode   ltx: the file as it is   pages that may differ
//!                                             content: what it holds
//! ```
//!
//! Beside these: [`error`], the one error type; [`configuration`], the strict file of `--config`; [`epoch_id`] and
//! [`random_id`], names that are like no other; [`ahead`], when an instant is suspicious; [`latest`], a value that
//! threads share.
//!
//! The **content** checksum is what ties a live database to its backup and to what was restored from
//! it: these three differ in a few bytes of page 1 that SQLite changes on its own (see [`header`]).

pub mod age;
pub mod ahead;
pub mod checksum;
pub mod configuration;
pub mod epoch_id;
pub mod error;
pub mod header;
pub mod latest;
pub mod naming;
pub mod point;
pub mod random_id;
pub mod restore_point;
pub mod retention;
pub mod wal;

pub use checksum::{Checksum, Checksums};
pub use epoch_id::EpochId;
pub use error::{Code, Error, Result};
pub use header::{Header, HeaderError};
pub use naming::Kind;
pub use point::{Point, PointError, SelectError};
pub use random_id::{DatabaseId, WriterId};
pub use restore_point::RestorePoint;
pub use retention::{Decision, Keep};
pub use wal::{Changed, WalError, WalHeader};

#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
