//! A museum of damaged inputs, with the message for each, and of the ways in which SQLite backups go wrong.
//!
//! A test about a trap first shows that the trap exists (with plain copies, the system's `sqlite3`, or
//! SQLite's defaults) and then what this project does instead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backups;
mod beside;
mod catalog;
mod database;
mod emptiness;
mod encrypted;
mod foreign;
mod live;
mod museum;
mod real;
mod rights;
mod sidecars;
mod text;
mod volumes;
