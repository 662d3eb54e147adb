//! Recovery: the data volume is gone. The workshop's second scenario, whole.

use cluster::{Cluster, workload};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use pra_core::{Code, Error, Result};

use super::account::Allowance;
use super::stage::Stage;
use super::verdict::{Lag, Measure, Promised};
use super::{Outcome, volume};

/// What brings the data back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// A Job of the template `restore`, as `kubectl create job restore --from=cronjob/restore` makes it.
    Restore,
    /// The application's own start: its init container finds an empty volume.
    Init,
}

impl By {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Init => "init",
        }
    }
}

/// What is promised where there are only backups.
pub const PROMISED: Promised = Promised {
    loss: "lost: only what was written after the last backup",
    no_refusal: false,
    within: Some((Measure::Recovery, 10.0)),
    lag: None,
    bad_left: None,
};

/// What is promised where there is a replica.
pub const PROMISED_WITH_REPLICA: Promised =
    Promised { loss: "lost: only what the replica did not have yet", lag: Some(Lag::Lost), ..PROMISED };

/// Makes it.
///
/// # Errors
/// [`Code::Failed`] where the application does not come back; else as the cluster's.
pub async fn run(stage: &Stage, by: By) -> Result<Outcome> {
    let Stage { cluster, course, memory, limit, .. } = stage;
    let claim = memory.claim.as_ref().ok_or_else(|| Error::new(Code::Failed, "there is no claim to lose"))?;
    let backup = match stage.replica {
        Some(_) => None,
        None => Some(stage.back_up().await?),
    };
    stage.calm().await?;
    let seen = match stage.replica {
        Some(_) => Some(stage.replica_follows().await?),
        None => None,
    };

    let disaster = course.mark("disaster");
    course
        .phase("lose the volume", async {
            scale_all(stage, |_| 0).await?;
            volume::lose(cluster, &claim.name_any(), *limit).await
        })
        .await?;

    let recovery = course.mark("recovery command");
    course.phase("make the claim", volume::create(cluster, claim)).await?;
    let mut restored = backup.clone();
    if by == By::Restore {
        let point = backup.as_ref().map_or("latest", |backup| &backup.file);
        restored = Some(course.phase("restore", stage.restore(point)).await?.point);
    }
    course
        .phase("start", async {
            scale_all(stage, |before| before).await?;
            stage.pods_ready(|_| true).await
        })
        .await?;
    stage.recovered().await?;
    let (allowance, promised) = match backup {
        Some(backup) => (Allowance::After(backup.created_at), PROMISED),
        None => (Allowance::Tail(seen.map(|seen| seen.created_at), recovery), PROMISED_WITH_REPLICA),
    };
    Ok(Outcome { disaster, recovery: Some(recovery), allowance, promised, restore_point: restored })
}

/// Scales all that was remembered; the application first, since it is waited for.
async fn scale_all(stage: &Stage, to: impl Fn(i32) -> i32) -> Result<()> {
    let app = &stage.kit.app;
    let (first, rest): (Vec<_>, Vec<_>) = stage.memory.replicas.iter().partition(|(name, _)| *name == app);
    for (name, before) in first.into_iter().chain(rest) {
        workload::scale(&stage.cluster, name, to(*before)).await?;
    }
    Ok(())
}

/// The claim as it has to be made again.
///
/// # Errors
/// [`Code::Usage`] where there is none; else as [`cluster::call::call`].
pub async fn claim(cluster: &Cluster, name: &str) -> Result<PersistentVolumeClaim> {
    let claim = volume::get(cluster, name).await?;
    claim.map(|claim| volume::as_written(&claim)).ok_or_else(|| {
        Error::new(Code::Usage, format!("there is no claim '{name}'")).hint("apply the manifests, then try again")
    })
}
