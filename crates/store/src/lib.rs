//! The replica: a database's history as objects in a store.
//!
//! ```text
//! <url>/lease.json                            who writes here now
//! <url>/<epoch>/epoch.json                    what this history is of, and which one it continues
//! <url>/<epoch>/…/<min>-<max>.ltx[.age]       pages, as LTX files, encrypted where there are recipients
//! ```
//!
//! ```text
//! url, objects, encryption, layout   objects: where they are, how they are written and read
//! beside                     what lies beside a database about its replicas
//! epoch                      who writes, and what an epoch goes on from
//! lineage                    epochs ──► the line of epochs that a restore follows
//! fetch                      chain of files ──► a database file
//! history, plan, instant     files of one epoch, target ──► chain of files
//! retention                  files of one epoch, now ──► what may be deleted
//! ```
//!
//! lineage and the last two lines know no store and no clock; none of this knows SQLite or Kubernetes.

pub mod beside;
mod buffers;
pub mod encryption;
pub mod epoch;
pub mod error;
pub mod fetch;
pub mod history;
pub mod instant;
pub mod layout;
pub mod lineage;
pub mod objects;
pub mod plan;
pub mod retention;
pub mod url;

pub use objects::Store;
pub use url::{ReplicaUrl, Scheme};
