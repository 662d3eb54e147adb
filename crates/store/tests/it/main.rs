//! The stores as they really are: a folder, a MinIO server, and both behind what goes wrong on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod conformance;
mod epochs;
mod faults;
mod folder;
mod minio;
mod peer;
mod places;
mod probe;
mod proxy;
mod server;
