//! Epochs: unbroken histories, each written by one writer for ever, and the lease that says who writes now.
//!
//! ```text
//! lease.json               the writer, renewed every 30 s; who finds it alive stays away
//! <epoch>/epoch.json       written once, before anything else of the epoch
//! ```
//! Both name the database that they are of, and no other is ever written there. Both are JSON with a `format` and a `version`; what is of a newer version is refused by name. A takeover never
//! goes on in the epoch of another: it begins one that names its parent and the transaction where it left it. So a
//! writer that wakes up late destroys nothing; what it still writes is no part of the line that a restore follows.

mod database;
mod document;
mod foreign;
mod held;
mod layout;
mod lease;
mod manifest;
mod observe;

pub use database::Database;
pub use foreign::require_nothing_foreign;
pub use held::{Head, Held, RENEW_EVERY, acquire, acquire_from, read_lease};
pub use layout::{LEASE_KEY, level_folder, manifest_key};
pub use lease::{EXPIRES_AFTER, Found, Lease, Standing, Writer, judge};
pub use manifest::{Manifest, Parent, create_epoch, list_epochs};
pub use observe::{Unchanged, observe};
