//! Wrong clocks: each verb that reads or writes an instant, with a clock that runs ahead once, is behind, or steps. What
//! the tests assert is data: what is restored, and what is removed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backups;
mod owner;
mod replica;
mod scene;
