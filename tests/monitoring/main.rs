//! Debian's Prometheus scrapes a real `host` and a real `backup-job replicate`, reads the real alarms, and each of them
//! fires when its cause is really made, and stops when it is repaired.
//!
//! Only the waiting times are not real: in the copy of the rules for Prometheus each `for` is a second, and where a test
//! says so, a threshold is shorter too (a backup is old after seconds, not ten minutes). That each alarm waits as long as
//! it should is tested by promtool (`cargo xtask test --only monitoring`).
//!
//! `PRA_PROMETHEUS` names the program; `cargo xtask test` sets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alarms;
mod application;
mod backups;
mod commands;
mod dashboard;
mod manifests;
mod prometheus;
mod rehearsals;
mod replicas;
mod restores;
mod scene;
mod volumes;
mod wal;
