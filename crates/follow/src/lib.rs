//! Follows a live database: bounds its log, and ships what changes to object stores.
//!
//! ```text
//! replicate ──► checkpointer     who replicates keeps the log too
//! ```
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub mod checkpointer;
pub mod replicate;
