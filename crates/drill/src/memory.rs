//! What a drill has to put back, noted on the CronJob that makes the backups before anything is touched: whatever
//! becomes of the drill, its successor or `drill put-back` finds it there. It also keeps two drills from running at
//! once.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::call::call;
use cluster::{Cluster, workload};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use pra_core::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::volume;

/// The annotation.
pub const ANNOTATION: &str = "mini-pra/before-drill";

/// A drill that began so long ago is not at work any more: its Job would have been ended.
const LONGEST_DRILL: SignedDuration = SignedDuration::from_mins(15);

/// Tries to note it while others change the CronJob, as its controller does every minute.
const TRIES: u32 = 5;

/// How it was before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The drill's name.
    pub id: String,
    /// When it began.
    pub began_at: Timestamp,
    /// The Deployments that are scaled, and their replicas.
    #[serde(default)]
    pub replicas: BTreeMap<String, i32>,
    /// Whether the CronJob of the backups was suspended, where the drill suspends it.
    #[serde(default)]
    pub suspended: Option<bool>,
    /// The claim that is lost.
    #[serde(default)]
    pub claim: Option<PersistentVolumeClaim>,
}

impl Memory {
    /// The Job of the drill's restore, or of another of its steps.
    pub fn job(&self, step: &str) -> String {
        format!("drill-{}-{step}", self.id)
    }

    /// Notes it on the CronJob `name`. What a drill that was killed has left there is put back first.
    ///
    /// # Errors
    /// [`Code::Busy`] where another drill may be at work; else as [`call`].
    pub async fn note(&self, cluster: &Cluster, name: &str, limit: Duration) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|e| Error::new(Code::Failed, "failed to write down what to put back").because(e))?;
        for _ in 0..TRIES {
            let cronjob = get(cluster, name).await?;
            match read(&cronjob)? {
                Some(noted) if noted.id == self.id => return Ok(()),
                Some(noted) if disk::clock::now().duration_since(noted.began_at) < LONGEST_DRILL => {
                    return Err(Error::new(
                        Code::Busy,
                        format!("another drill began at {} in namespace '{}'", noted.began_at, cluster.namespace()),
                    )
                    .hint("wait for its end; if it was killed, `drill put-back` puts back what it has left"));
                }
                Some(noted) => noted.put_back(cluster, name, limit).await?,
                None => {
                    let version = cronjob.metadata.resource_version;
                    match annotate(cluster, name, version, Some(&text)).await {
                        Err(error) if error.code() == Code::Busy => {}
                        done => return done,
                    }
                }
            }
        }
        Err(Error::new(Code::Busy, format!("cronjob '{name}' is changed by others all the time"))
            .hint("try again in a moment"))
    }

    /// Puts everything back that is not as it was, and forgets it. May be done again.
    ///
    /// # Errors
    /// As [`volume::lose`] and [`call`]; the note stays then.
    pub async fn put_back(&self, cluster: &Cluster, name: &str, limit: Duration) -> Result<()> {
        let Self { id: _, began_at: _, replicas, suspended, claim } = self;
        // A restore that is at work would take what it found, no replicas, for how it was before.
        let restore = self.job("restore");
        volume::delete::<Job>(cluster, "job", &restore, &DeleteParams::background()).await?;
        workload::gone(cluster, &format!("batch.kubernetes.io/job-name={restore}"), limit).await?;
        if let Some(claim) = claim {
            volume::ensure(cluster, claim, limit).await?;
        }
        for (deployment, replicas) in replicas {
            if workload::wanted(&workload::existing(cluster, deployment).await?) != *replicas {
                workload::scale(cluster, deployment, *replicas).await?;
            }
        }
        if let Some(suspended) = suspended
            && workload::is_suspended(cluster, name).await? != *suspended
        {
            workload::suspend(cluster, name, *suspended).await?;
        }
        annotate(cluster, name, None, None).await
    }
}

/// What a drill has noted on a CronJob.
///
/// # Errors
/// Where it is not as we write it.
pub fn read(cronjob: &CronJob) -> Result<Option<Memory>> {
    let Some(text) = cronjob.annotations().get(ANNOTATION) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|e| {
        Error::new(
            Code::Failed,
            format!("the annotation {ANNOTATION} of cronjob '{}' is unreadable", cronjob.name_any()),
        )
        .hint("compare replicas, claim and suspension with the manifests, then remove the annotation")
        .because(e)
    })
}

async fn get(cluster: &Cluster, name: &str) -> Result<CronJob> {
    call(&format!("get cronjob '{name}'"), || {
        let api = cluster.api::<CronJob>();
        async move { api.get(name).await }
    })
    .await
}

/// Sets the annotation or takes it away; where a version is named, only if the object is still that.
async fn annotate(cluster: &Cluster, name: &str, version: Option<String>, text: Option<&str>) -> Result<()> {
    let mut metadata = json!({ "annotations": { ANNOTATION: text } });
    if let Some(version) = version {
        metadata["resourceVersion"] = Value::from(version);
    }
    let patch = json!({ "metadata": metadata });
    call(&format!("note on cronjob '{name}' what the drill puts back"), || {
        let (api, patch) = (cluster.api::<CronJob>(), Patch::Merge(patch.clone()));
        async move { api.patch(name, &PatchParams::default(), &patch).await }
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests;
