//! Verified backups and restores of a live SQLite database.
//!
//! ```text
//! cli, plugin                                                 the programs backup-job and kubectl-pra
//!  └─────► backup, prune, verify, restore, init, keeper        one module for each verb; options in, report out
//!            │
//!            ├── snapshot, catalog, lock, sqlite              what they share
//!            ├── files                                        every file operation, with a label
//!            └── model                                        the pure core: no I/O
//! ```
//!
//! The programs are here and not beside it: whatever they call would be compiled once more for each of them.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub mod backup;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod drill;
pub mod generate;
pub mod init;
pub mod keeper;
pub mod listing;
pub mod logging;
pub mod output;
pub mod plugin;
pub mod protect;
pub mod prune;
pub mod rehearse;
pub mod remote;
pub mod replicate;
pub mod restore;
pub mod sealed;
pub mod verify;
