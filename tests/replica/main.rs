//! The replica in real stores, a folder and MinIO: what a disaster costs, and what Litestream, other writers, neighbours,
//! outages and kills do to it.
//!
//! `cargo xtask test` builds the programs that are not ours and names them: `PRA_MINIO`, `PRA_AGE`, `LITESTREAM`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod away;
mod beneath;
mod content;
mod copies;
mod disaster;
mod early;
mod encrypted;
mod killed;
mod litestream;
mod neighbour;
mod place;
mod replicator;
mod writers;

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random number below `limit`.
fn random(limit: usize) -> usize {
    let limit = u64::try_from(limit).unwrap();
    usize::try_from(RandomState::new().build_hasher().finish() % limit).unwrap()
}
