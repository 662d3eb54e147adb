//! The verbs that move data, one module for each: options in, report out.
//!
//! ```text
//! init, backup, verify, restore, prune, rehearse, listing     the verbs
//!   └──► remote      restore points in stores: surveyed, chosen, fetched
//!   └──► encrypted      backups that are encrypted
//! ```
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub mod backup;
pub mod encrypted;
pub mod init;
pub mod listing;
pub mod prune;
pub mod rehearse;
pub mod remote;
pub mod restore;
pub mod verify;
