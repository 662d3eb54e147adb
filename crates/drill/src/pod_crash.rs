//! Continuity: a pod of the application dies.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;
use pra_core::{Code, Error, Result};

use super::account::Allowance;
use super::stage::{Stage, is_ready};
use super::verdict::{Measure, Promised};
use super::{Outcome, volume};

/// How the pod dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum How {
    /// Deleted, as `kubectl delete pod` does.
    Delete,
    /// Deleted without grace.
    Force,
    /// Killed by the operator, who is told which pod to kill.
    ByHand,
}

impl How {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Force => "force",
            Self::ByHand => "by-hand",
        }
    }

    /// What is promised with so many pods.
    pub fn promised(self, replicas: i32) -> Promised {
        let alone = replicas < 2;
        let limit = if self == Self::ByHand { 4.0 } else { 5.0 };
        Promised {
            loss: "no acknowledged event lost",
            // Only a pod that is told to stop can finish without a refused request.
            no_refusal: !alone && self == Self::Delete,
            within: alone.then_some((Measure::Rto, limit)),
            lag: None,
            bad_left: None,
        }
    }
}

/// Makes it.
///
/// # Errors
/// [`Code::Failed`] where the application does not come back; else as the cluster's.
pub async fn run(stage: &Stage, how: How) -> Result<Outcome> {
    stage.calm().await?;
    let pods = stage.pods().await?;
    let victim = pods.into_iter().find(is_ready).ok_or_else(|| {
        Error::new(Code::Failed, format!("no pod of deployment '{}' is ready", stage.kit.app))
            .hint("a drill begins with an application that is well: `kubectl get pods`")
    })?;
    let name = victim.name_any();
    let disaster = match how {
        How::Delete | How::Force => {
            let params = match how {
                How::Force => DeleteParams::default().grace_period(0),
                _ => DeleteParams::default(),
            };
            let disaster = stage.course.mark("disaster");
            volume::delete::<Pod>(&stage.cluster, "pod", &name, &params).await?;
            disaster
        }
        How::ByHand => stage.course.phase("wait for the kill", by_hand(stage, &victim)).await?,
    };
    let another = |pod: &Pod| pod.uid() != victim.uid() || restarts(pod) > restarts(&victim);
    stage.course.phase("recover", stage.pods_ready(another)).await?;
    if how != How::ByHand {
        // The old pod may serve until it ends, and clients may notice that end.
        stage.course.phase("end of the old pod", stage.pod_gone(&victim)).await?;
    }
    stage.recovered().await?;
    Ok(Outcome {
        disaster,
        recovery: None,
        allowance: Allowance::Nothing,
        promised: how.promised(stage.replicas),
        restore_point: None,
    })
}

/// Says which container to kill, and waits until it was. Its instant is that of the first refused request: Kubernetes
/// itself notices a second later. Where none was refused, it is when the restart was seen.
async fn by_hand(stage: &Stage, victim: &Pod) -> Result<Duration> {
    let name = victim.name_any();
    let status = victim.status.as_ref().and_then(|status| status.container_statuses.as_ref()?.first());
    let node = victim.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
    let container = status.map(|status| status.name.as_str()).unwrap_or_default();
    let container_id = status.and_then(|status| status.container_id.as_deref()).unwrap_or_default();
    let from = stage.course.clock.now();
    tracing::warn!(pod = name, node, container, container_id, "kill this container now");
    stage
        .until(&format!("the kill of pod '{name}'"), async || {
            let pods = stage.pods().await?;
            let still = pods.iter().find(|pod| pod.uid() == victim.uid());
            Ok(still.is_none_or(|pod| restarts(pod) > restarts(victim)))
        })
        .await?;
    let at = stage.writers.ledger().first_refused_since(from).unwrap_or_else(|| stage.course.clock.now());
    stage.course.mark_at("disaster", at);
    Ok(at)
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|status| status.restart_count).sum()
}
