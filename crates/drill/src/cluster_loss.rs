//! The cluster is gone: namespace, volumes, everything. What is left is the object store, the manifests, and an
//! operator with the identity.

use pra_core::{Code, Error, Result};

use super::Outcome;
use super::account::Allowance;
use super::stage::Stage;
use super::verdict::{Lag, Measure, Promised};

/// What is promised.
pub const PROMISED: Promised = Promised {
    loss: "lost: only what the replica did not have yet",
    no_refusal: false,
    within: Some((Measure::Recovery, 30.0)),
    lag: Some(Lag::Lost),
    bad_left: None,
};

/// Makes it.
///
/// # Errors
/// [`Code::Failed`] where the application does not come back; else as the cluster's.
pub async fn run(stage: &Stage) -> Result<Outcome> {
    let Stage { cluster, course, limit, .. } = stage;
    let nothing = || Error::new(Code::Failed, "there is nothing to make the namespace again from");
    let rebuild = stage.rebuild.as_ref().ok_or_else(nothing)?;
    stage.calm().await?;
    rebuild.lend_identity(cluster).await?;
    let seen = stage.replica_follows().await?;
    rebuild.take_identity(cluster).await?;

    let disaster = course.mark("disaster");
    course.phase("lose the namespace", rebuild.lose(cluster, *limit)).await?;

    let recovery = course.mark("recovery command");
    course.phase("apply", rebuild.apply(cluster)).await?;
    course.phase("start", stage.pods_ready(|_| true)).await?;
    stage.recovered().await?;
    rebuild.take_identity(cluster).await?;
    Ok(Outcome {
        disaster,
        recovery: Some(recovery),
        allowance: Allowance::Tail(Some(seen.created_at), recovery),
        promised: PROMISED,
        restore_point: None,
    })
}
