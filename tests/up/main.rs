//! `cargo xtask up`, as a newcomer meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
// Who is whose child is read from /proc.
#![cfg(target_os = "linux")]

mod family;
mod session;
mod spin;
mod trouble;
