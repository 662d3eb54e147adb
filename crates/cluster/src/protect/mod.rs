//! Protects an existing application: the kit of `k8s/kit` under other names, and the fields that its own Deployment
//! needs so that an empty volume is restored before it starts.
//!
//! ```text
//! workload   what the live Deployment says: claim, path, user ─┐
//! names      what the kit's objects are called                 ├─► template, patch ─► manifests ─► apply │ remove
//! options    what the user says                               ─┘
//! ```
//! The manifests are those of the event application, embedded: kit and template cannot drift apart.

pub mod apply;
mod kinds;
mod names;
mod patch;
mod plan;
pub mod remove;
mod template;
mod workload;

pub use names::Names;
pub use plan::{Options, Plan, Schema, Target, plan};
pub use workload::Workload;

#[cfg(test)]
mod tests;
