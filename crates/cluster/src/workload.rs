//! Deployments with their pods, and the suspension of CronJobs: what has to stop before a file is replaced.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use pra_core::{Code, Error, Result};
use serde_json::json;
use tokio::time::Instant;

use super::Cluster;
use super::call::{call, find};

/// Our name as a field manager of server-side apply, and as the source of Events.
pub const MANAGER: &str = "mini-pra";

/// Time between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(200);

/// A Deployment; `None` where it is not there.
///
/// # Errors
/// As [`find`].
pub async fn deployment(cluster: &Cluster, name: &str) -> Result<Option<Deployment>> {
    find(&format!("get deployment '{name}'"), || {
        let api = cluster.api::<Deployment>();
        async move { api.get(name).await }
    })
    .await
}

/// A Deployment that has to be there.
///
/// # Errors
/// [`Code::Usage`] where it is not; else as [`find`].
pub async fn existing(cluster: &Cluster, name: &str) -> Result<Deployment> {
    deployment(cluster, name).await?.ok_or_else(|| {
        let namespace = cluster.namespace();
        Error::new(Code::Usage, format!("namespace '{namespace}' has no deployment '{name}'"))
            .hint("check the name and --namespace")
    })
}

/// The replicas that a Deployment is asked to have.
pub fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// A Deployment's ready pods; none while its status is older than the last change.
pub fn ready(deployment: &Deployment) -> i32 {
    let Some(status) = &deployment.status else { return 0 };
    if status.observed_generation < deployment.metadata.generation {
        return 0;
    }
    status.ready_replicas.unwrap_or(0)
}

/// The label selector of a Deployment's pods.
///
/// # Errors
/// [`Code::Usage`] where it selects otherwise than by labels.
pub fn selector(deployment: &Deployment) -> Result<String> {
    let labels = deployment.spec.as_ref().and_then(|spec| spec.selector.match_labels.as_ref());
    let labels: Vec<_> = labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    if labels.is_empty() {
        let name = deployment.name_any();
        return Err(Error::new(Code::Usage, format!("deployment '{name}' selects its pods by no label")));
    }
    Ok(labels.join(","))
}

/// Asks a Deployment to have so many replicas. Returns at once.
///
/// # Errors
/// As [`call`].
pub async fn scale(cluster: &Cluster, name: &str, replicas: i32) -> Result<()> {
    let patch = json!({ "spec": { "replicas": replicas } });
    call(&format!("scale deployment '{name}' to {replicas}"), || {
        let (api, patch) = (cluster.api::<Deployment>(), Patch::Merge(patch.clone()));
        async move { api.patch_scale(name, &PatchParams::default(), &patch).await }
    })
    .await
    .map(drop)
}

/// Whether a CronJob is suspended.
///
/// # Errors
/// As [`call`].
pub async fn is_suspended(cluster: &Cluster, name: &str) -> Result<bool> {
    let cronjob = call(&format!("get cronjob '{name}'"), || {
        let api = cluster.api::<CronJob>();
        async move { api.get(name).await }
    })
    .await?;
    Ok(cronjob.spec.and_then(|spec| spec.suspend).unwrap_or(false))
}

/// Suspends a CronJob, or lets it go on.
///
/// # Errors
/// As [`call`].
pub async fn suspend(cluster: &Cluster, name: &str, suspend: bool) -> Result<()> {
    let patch = json!({ "spec": { "suspend": suspend } });
    let what = if suspend { "suspend" } else { "resume" };
    call(&format!("{what} cronjob '{name}'"), || {
        let (api, patch) = (cluster.api::<CronJob>(), Patch::Merge(patch.clone()));
        async move { api.patch(name, &PatchParams::default(), &patch).await }
    })
    .await
    .map(drop)
}

/// The pods that a label selector such as `app.kubernetes.io/name=events` names.
///
/// # Errors
/// As [`call`].
pub async fn pods(cluster: &Cluster, selector: &str) -> Result<Vec<Pod>> {
    let list = ListParams::default().labels(selector);
    let found = call(&format!("list the pods with {selector}"), || {
        let (api, list) = (cluster.api::<Pod>(), list.clone());
        async move { api.list(&list).await }
    })
    .await?;
    Ok(found.items)
}

/// Waits until no pod that the selector names is left, not even one that is ending.
///
/// # Errors
/// [`Code::Busy`] where some are still there after `limit`; else as [`call`].
pub async fn gone(cluster: &Cluster, selector: &str, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let left = pods(cluster, selector).await?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let names = left.into_iter().filter_map(|pod| pod.metadata.name).collect::<Vec<_>>().join(", ");
            return Err(Error::new(
                Code::Busy,
                format!("after {} s these pods are still there: {names}", limit.as_secs()),
            )
            .hint("`kubectl describe pod` says what holds them; then run this again"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(spec: serde_json::Value, status: serde_json::Value) -> Deployment {
        let metadata = json!({ "name": "events", "generation": 2 });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec, "status": status })).unwrap()
    }

    #[test]
    fn pods_that_were_ready_before_the_last_change_are_not_counted() {
        let spec = json!({ "replicas": 2, "selector": {}, "template": {} });
        let status = |observed: i64| json!({ "observedGeneration": observed, "readyReplicas": 2 });
        assert_eq!(ready(&deployment(spec.clone(), status(1))), 0);
        assert_eq!(ready(&deployment(spec, status(2))), 2);
    }

    #[test]
    fn a_selector_names_all_labels_and_none_is_an_error() {
        let spec = |labels| json!({ "selector": { "matchLabels": labels }, "template": {} });
        let labels = json!({ "app": "events", "tier": "api" });
        assert_eq!(selector(&deployment(spec(labels), json!({}))).unwrap(), "app=events,tier=api");
        assert_eq!(selector(&deployment(spec(json!({})), json!({}))).unwrap_err().code(), Code::Usage);
    }
}
