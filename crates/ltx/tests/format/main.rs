//! What a file promises, to those who write it and to those who read it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod damage;
mod golden;
mod round_trip;
mod rules;
mod support;
