//! Everything that touches the disk: files, locks, durable publishing, SQLite.
//!
//! ```text
//! catalog                           what is known of a folder of backups
//! read_back ── snapshot             copies: read back, and made from SQLite's own snapshot
//! sqlite ── read_ahead              databases, opened
//! lock ── home ── mount             whose a database is, and who may do what at once
//! files ── flush, rights, scratch   every file operation, with a label
//! vfs ── crash                      SQLite's files, and the operations that end the process in tests
//! clock, stop, progress, trouble    what a run is told, and tells
//! ```
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub mod catalog;
pub mod clock;
#[cfg(feature = "crash-points")]
pub mod crash;
pub mod files;
pub mod flush;
pub mod home;
pub mod identity;
pub mod lock;
pub mod mount;
pub mod progress;
mod read_ahead;
pub mod read_back;
pub mod rights;
pub mod scratch;
pub mod snapshot;
pub mod sqlite;
pub mod stop;
pub mod trouble;
mod vfs;
