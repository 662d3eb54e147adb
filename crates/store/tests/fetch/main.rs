//! A chain of files becomes the database that it was made from, or an error.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod damage;
mod fixture;
mod restores;
