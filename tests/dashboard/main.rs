//! The dashboard in a real browser: Debian's Chromium, through its driver.
//!
//! ```text
//! Scene ──► Data, Host     the application, with a real backup
//!   │   ──► catalog        what the replicator, rehearsals and drills would have written
//!   └─────► Browser        chromedriver, spoken to by thirtyfour, from tests that are not async
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accessible;
mod browser;
mod content;
mod keyboard;
mod picture;
mod real;
mod scene;
mod truth;
