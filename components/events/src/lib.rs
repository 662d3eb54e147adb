//! The event API, `/status`, `/metrics` and the dashboard, as a Wasm component for Spin.
//!
//! ```text
//! component.rs   the glue: WASI HTTP, Spin's SQLite and variables      (built for wasm32 only)
//!     │
//! app.rs         route → method → token → body → handler              everything from here on is plain Rust,
//!     │                                                               tested natively
//! api/           one handler per route; what is sent and what is answered
//!     │
//! recovery.rs    what the catalog records, as JSON (its verdict is the crate `catalog`'s); dashboard/ shows it to a browser
//!     │
//! store/         the SQL: appending, reading, the catalog of backups, making the schema, waiting for a lock
//!     │
//! platform.rs    what the component needs of the world: SQL, clocks, sleep, variables
//! ```
//!
//! Nothing is kept in memory between requests: each one gets a new instance, and everything it reports comes from the
//! two databases. No SQL is ever built from input: statements are `&'static str` by type.

mod api;
pub mod app;
mod auth;
mod body;
mod clock;
#[cfg(target_arch = "wasm32")]
// The macro that exports the handler writes `extern` functions; nothing of ours is unsafe.
#[allow(unsafe_code)]
mod component;
mod cursor;
mod dashboard;
pub mod http;
mod idempotency;
mod ids;
pub mod limits;
mod openapi;
pub mod platform;
mod recovery;
mod runbook;
mod store;
mod text;
