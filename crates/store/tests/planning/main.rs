//! Planning a restore and deleting what is old, against a model of a database and its writer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod clocks;
mod lineage;
mod model;
mod plans;
mod retention;
