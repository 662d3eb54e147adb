//! Stops what uses the database, and brings it back.

use std::time::Duration;

use k8s_openapi::api::batch::v1::CronJob;
use kube::api::{Patch, PatchParams};
use pra_core::{Code, Error, Result};
use serde_json::json;
use tokio::time::Instant;

use super::state::Remembered;
use crate::call::find;
use crate::{Cluster, workload};

/// Time between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(200);

/// How things are.
///
/// # Errors
/// As [`find`]: every name must be there.
pub(super) async fn see(cluster: &Cluster, deployments: &[String], cronjobs: &[String]) -> Result<Remembered> {
    let mut seen = Remembered::default();
    for name in deployments {
        seen.deployments.insert(name.clone(), workload::wanted(&workload::existing(cluster, name).await?));
    }
    for name in cronjobs {
        seen.suspended.insert(name.clone(), workload::is_suspended(cluster, name).await?);
    }
    Ok(seen)
}

/// Suspends the CronJobs.
///
/// # Errors
/// As [`find`].
pub(super) async fn suspend(cluster: &Cluster, was: &Remembered) -> Result<()> {
    for (name, _) in was.suspended.iter().filter(|(_, suspended)| !**suspended) {
        workload::suspend(cluster, name, true).await?;
    }
    Ok(())
}

/// Scales the Deployments to zero.
///
/// # Errors
/// As [`find`].
pub(super) async fn scale_down(cluster: &Cluster, was: &Remembered) -> Result<()> {
    for name in was.deployments.keys() {
        workload::scale(cluster, name, 0).await?;
    }
    Ok(())
}

/// Waits until the pods of all Deployments are gone.
///
/// # Errors
/// As [`workload::gone`].
pub(super) async fn await_gone(cluster: &Cluster, was: &Remembered, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    for name in was.deployments.keys() {
        let selector = workload::selector(&workload::existing(cluster, name).await?)?;
        workload::gone(cluster, &selector, deadline.saturating_duration_since(Instant::now())).await?;
    }
    Ok(())
}

/// Gives each Deployment that is at zero its replicas back. All are tried; the first error is returned.
///
/// # Errors
/// As [`find`]. One that is gone needs nothing.
pub(super) async fn scale_up(cluster: &Cluster, was: &Remembered) -> Result<()> {
    let mut result = Ok(());
    for (name, replicas) in &was.deployments {
        result = result.and(scale_one_up(cluster, name, *replicas).await);
    }
    result
}

async fn scale_one_up(cluster: &Cluster, name: &str, replicas: i32) -> Result<()> {
    let Some(deployment) = workload::deployment(cluster, name).await? else {
        tracing::warn!(deployment = name, "it is not there any more: nothing to bring back");
        return Ok(());
    };
    match workload::wanted(&deployment) {
        0 => workload::scale(cluster, name, replicas).await,
        now => {
            if now != replicas {
                tracing::warn!(
                    deployment = name,
                    now,
                    was = replicas,
                    "it was scaled by another client: left as it is"
                );
            }
            Ok(())
        }
    }
}

/// Lets each CronJob go on that was not suspended before. All are tried; the first error is returned.
///
/// # Errors
/// As [`find`]. One that is gone needs nothing.
pub(super) async fn resume(cluster: &Cluster, was: &Remembered) -> Result<()> {
    let mut result = Ok(());
    for (name, _) in was.suspended.iter().filter(|(_, suspended)| !**suspended) {
        let resumed = find(&format!("resume cronjob '{name}'"), || {
            let (api, patch) = (cluster.api::<CronJob>(), Patch::Merge(json!({ "spec": { "suspend": false } })));
            async move { api.patch(name, &PatchParams::default(), &patch).await }
        })
        .await;
        result = result.and(resumed.map(drop));
    }
    result
}

/// Waits until each Deployment has as many ready pods as it is asked to have.
///
/// # Errors
/// [`Code::Failed`] where one has not after `limit`; else as [`find`].
pub(super) async fn await_ready(cluster: &Cluster, was: &Remembered, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    for name in was.deployments.keys() {
        loop {
            let Some(deployment) = workload::deployment(cluster, name).await? else { break };
            let (ready, wanted) = (workload::ready(&deployment), workload::wanted(&deployment));
            if ready >= wanted {
                break;
            }
            if Instant::now() >= deadline {
                return Err(Error::new(
                    Code::Failed,
                    format!(
                        "the database is restored, but deployment '{name}' has {ready} of {wanted} ready pods after {} s",
                        limit.as_secs()
                    ),
                )
                .hint("`kubectl describe pod` and `kubectl logs` of its pods say why"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}
