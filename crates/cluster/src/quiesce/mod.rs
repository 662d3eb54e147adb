//! A restore in a cluster: in place where that is possible; else the application is stopped, the file replaced, and all
//! is brought back as it was.
//!
//! ```text
//!  fence ─ choose ─ write: chosen ─ note point ─┬─ restore in place ───────────────────────────────┬─ clear
//!  (lock)  (plan)                               │          │ damaged after all                     │
//!                                               └─► look ◄─┘                                       │
//!            write: quiescing (replicas, suspensions) ─ suspend ─ scale to 0 ─ pods gone           │
//!                       ─ write: quiesced ─ replace ─ write: restored ─ scale up ─ resume ─ ready ─┘
//! ```
//! What is written is an annotation of the Lease ([`lease::STATE`]), and it is written before what it is about is done.
//! So a run that was killed anywhere leaves behind what the next one needs: the same Job's next pod goes on with the
//! same restore point (and only brings back, where the database was restored already); another Job takes over what is
//! to be brought back, and does its own restore. Where a restore fails, or is to stop (SIGTERM), everything is put back
//! and the error returned. The annotation goes only when all is back.
//!
//! ```text
//! machine     which step comes next: pure
//! run         does the steps
//! state       what is written down          lease       where, and who is at work
//! point       the ConfigMap's restore point fence       one restore at a time
//! workloads   stop, wait, bring back        events      told to people
//! preview     what would be done
//! ```

mod crash;
mod events;
mod fence;
mod lease;
mod machine;
mod point;
mod preview;
mod report;
mod run;
mod state;
mod workloads;

use std::time::Duration;

use engine::restore;
use pra_core::point::Point;
use pra_core::{Error, Result};
use tokio::sync::watch;

use crate::Cluster;

pub use lease::{LAST, STATE};
pub use preview::{Preview, preview};
pub use report::{Quiesced, Report};
pub use run::Approve;
pub use state::{Identity, Phase, Remembered, State};

/// What to restore, what to stop for it, and where to write that down.
#[derive(Debug, Clone)]
pub struct Options {
    /// The restore itself; its point is not used.
    pub restore: restore::Options,
    /// The restore point. None: what the ConfigMap says.
    pub point: Option<Point>,
    /// The ConfigMap. None: the newest backup.
    pub point_from: Option<String>,
    /// Deployments that have the database open.
    pub deployments: Vec<String>,
    /// CronJobs that would come in between.
    pub cronjobs: Vec<String>,
    /// The Lease.
    pub lease: String,
    /// Who we are.
    pub job: Identity,
    /// Longest wait for pods to go, and for the application to be ready again.
    pub timeout: Duration,
}

/// A completed restore.
#[derive(Debug)]
pub struct Done {
    /// What was done.
    pub report: Report,
    /// Why the application is not ready, where it is not.
    pub error: Option<Error>,
}

/// Restores. `approve` is asked with the plan before anything is done; `stop` becomes true when we are to stop.
///
/// # Errors
/// As [`restore::plan`] and [`restore::Prepared::apply`]; [`pra_core::Code::Busy`] where another restore is at work,
/// or pods do not go; [`pra_core::Code::Usage`] where the point was used before, or the API server does not allow
/// something; [`pra_core::Code::OutOfReach`] where it does not answer; [`pra_core::Code::Stopped`]. Everything is
/// back as it was, or the error says that it may not be.
pub async fn run(
    cluster: &Cluster,
    options: &Options,
    approve: Approve<'_>,
    stop: watch::Receiver<bool>,
) -> Result<Done> {
    let (fence, lease) = fence::acquire(cluster, options).await?;
    let found = lease::state(&lease)?;
    // Killed after its last step: what came since is not to be undone.
    if let (None, Some(report)) = (&found, lease::last(&lease).filter(|last| last.job_uid == options.job.uid)) {
        return Ok(Done { report, error: None });
    }
    if let Some(found) = &found {
        tracing::warn!(job = %found.job, phase = ?found.phase, was = %found.was, "taking over an unfinished restore");
    }
    let again = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) == Some(&options.job.to_string());
    let held = lease::Held::take(cluster, &options.lease, &options.job, lease).await?;
    let mut run = run::Run {
        cluster,
        options,
        approve,
        stop,
        held: &held,
        events: events::Events::about(cluster, options.deployments.first().map(String::as_str)).await,
        machine: machine::Machine::new(options.job.clone(), found),
        again,
        prepared: None,
        report: None,
        error: None,
        stuck: None,
    };
    let done = tokio::select! {
        biased;
        done = run.go_on() => done,
        never = held.renew() => match never {},
    };
    drop(fence);
    done
}

#[cfg(test)]
mod tests;
