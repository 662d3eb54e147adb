//! The cluster: Kubernetes objects say when and where; the engine moves the data.
//!
//! ```text
//! client      where the API server is; one door to async; errors in our words
//! call        one request: a deadline, tries again, what it was for
//! kit         which objects protect an application, found by their labels
//! jobs        a Job from a CronJob's template: made, followed, its answer read
//! replicas    whether an application has replicas
//! run         the same as one call: made, followed, answered, cleared away
//! status      how an application and its protection are
//! workload    replicas, pods, the suspension of CronJobs
//! protect     the objects that protect an application, made and removed
//! quiesce     a restore that stops the application where it must, and brings it back
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub(crate) mod arguments;
pub mod call;
pub mod client;
pub mod jobs;
pub mod kit;
#[cfg(test)]
mod mock;
pub mod protect;
pub mod quiesce;
pub mod replicas;
pub mod run;
pub mod status;
pub mod workload;

pub use client::{Access, Cluster};
