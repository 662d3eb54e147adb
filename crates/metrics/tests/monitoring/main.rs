//! What is watched holds together: the alarms, their tests, their pages in the runbook, the dashboard and the
//! documentation name metrics that exist, and what is made from something else is what would be made now. `PRA_WRITE=1`
//! makes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod dashboard;
mod documents;
mod names;
mod repository;
mod rules;
mod runbook;
mod thresholds;
mod units;
