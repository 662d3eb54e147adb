//! What the black-box tests share: the programs under test, a data folder, a client, a ledger.
//!
//! ```text
//! Data ───► Job      one run of backup-job, its answer as JSON
//!   │  ───► Checkpointer   backup-job replicate
//!   │  ───► Store    where its replica is: a folder, or below a prefix of Minio
//!   └─────► Host     host, serving ───► Client ───► Answer
//!                                         └───────► Ledger, Writers: who was acknowledged what, and when
//! ```
//! Every process is killed when its handle is dropped, and its log is printed when the test has failed. The harness
//! fails by panicking at the caller's line: in a test the line is the report.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and so does what it is made of"
)]

mod checkpointer;
mod client;
mod data;
mod database;
mod host;
mod job;
mod kustomize;
mod ledger;
mod minio;
mod mount;
mod process;
mod programs;
mod store;
mod wait;
mod writers;

pub use checkpointer::Checkpointer;
pub use client::{Answer, Body, Client, Request};
pub use data::Data;
pub use database::{Database, Event};
pub use host::{Host, HostOptions};
pub use job::{Job, JobAnswer};
pub use kustomize::kustomized;
pub use ledger::{Account, Entry, Ledger, Refusal};
pub use minio::Minio;
pub use mount::{Mounted, ReadOnly, bind, small};
pub use process::Process;
pub use programs::{backup_job, backup_job_with_crash_points, bin, component, host, named, root, sqlite3, xtask};
pub use store::{Store, StoredFile, stored_files};
pub use wait::{DEADLINE, now_ms, wait_for, wait_for_within, wait_until};
pub use writers::Writers;
