//! A claim that is lost, and made again.

use std::time::Duration;

use cluster::call::{self, find};
use cluster::{Cluster, kit, workload};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::ResourceExt;
use kube::api::{DeleteParams, ObjectMeta};
use pra_core::{Code, Error, Result};
use tokio::time::{Instant, sleep};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// What Kubernetes notes on a claim about the volume that it is bound to.
const BINDING: [&str; 3] = ["pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/"];

/// Reads a claim.
///
/// # Errors
/// As [`call`].
pub async fn get(cluster: &Cluster, name: &str) -> Result<Option<PersistentVolumeClaim>> {
    find(&format!("get claim '{name}'"), || {
        let api = cluster.api::<PersistentVolumeClaim>();
        async move { api.get(name).await }
    })
    .await
}

/// The claim as its author wrote it, to be created again: without the fields that name its volume.
pub fn as_written(claim: &PersistentVolumeClaim) -> PersistentVolumeClaim {
    let mut annotations = claim.annotations().clone();
    annotations.retain(|key, _| !BINDING.iter().any(|prefix| key.starts_with(prefix)));
    let metadata = ObjectMeta {
        name: claim.metadata.name.clone(),
        labels: claim.metadata.labels.clone(),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    let mut spec = claim.spec.clone();
    if let Some(spec) = &mut spec {
        spec.volume_name = None;
    }
    PersistentVolumeClaim { metadata, spec, status: None }
}

/// Makes the claim. One that is there already is taken for the answer to a request that was lost.
///
/// # Errors
/// As [`call`].
pub async fn create(cluster: &Cluster, claim: &PersistentVolumeClaim) -> Result<()> {
    call::create(cluster, "claim", claim).await
}

/// Loses a claim: its pods are ended at once, as a disaster does (those of finished Jobs too, which would keep it), and
/// it is waited for until it is gone.
///
/// # Errors
/// [`Code::Busy`] where it is still there after `limit`; else as [`call`].
pub async fn lose(cluster: &Cluster, name: &str, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    let selector = format!("{}={name}", kit::VOLUME);
    delete::<PersistentVolumeClaim>(cluster, "claim", name, &DeleteParams::default()).await?;
    loop {
        let at_once = DeleteParams::default().grace_period(0);
        // Again each time: a controller may have made another one before it knew.
        for pod in workload::pods(cluster, &selector).await? {
            delete::<Pod>(cluster, "pod", &pod.name_any(), &at_once).await?;
        }
        if get(cluster, name).await?.is_none() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Error::new(Code::Busy, format!("claim '{name}' is still there after {} s", limit.as_secs()))
                .hint("`kubectl describe pvc` says which pods use it"));
        }
        sleep(LOOK).await;
    }
}

/// Sees to it that the claim is there, and not about to go.
///
/// # Errors
/// As [`lose`].
pub async fn ensure(cluster: &Cluster, claim: &PersistentVolumeClaim, limit: Duration) -> Result<()> {
    let name = claim.name_any();
    match get(cluster, &name).await? {
        Some(there) if there.metadata.deletion_timestamp.is_none() => return Ok(()),
        Some(_) => lose(cluster, &name, limit).await?,
        None => {}
    }
    create(cluster, claim).await
}

/// Deletes an object; one that is not there is as good.
///
/// # Errors
/// As [`call`].
pub async fn delete<K>(cluster: &Cluster, kind: &str, name: &str, how: &DeleteParams) -> Result<()>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    find(&format!("delete {kind} '{name}'"), || {
        let api = cluster.api::<K>();
        async move { api.delete(name, how).await.map(drop) }
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests;
