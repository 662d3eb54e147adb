//! The HTTP contract: what any server of the application answers.
//!
//! Each test has a `host` and a data folder of its own. With `BASE_URL` set the tests that need nothing but the API run
//! against that server instead (`--test-threads 1`, since some compare counts), and the others are left out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod batch;
mod broken;
mod events;
mod home;
mod idempotency;
mod limits;
mod methods;
mod metrics;
mod openapi;
mod origin;
mod paging;
mod ready;
mod recovery;
mod site;
mod status;
mod token;
mod workshop;
