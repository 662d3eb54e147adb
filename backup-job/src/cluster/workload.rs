//! Replicas, pods, and the suspension of CronJobs: what has to stop before a file is replaced.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;

use super::Cluster;
use super::call::call;
use crate::error::{Code, Error, Result};

/// Our name as a field manager of server-side apply, and as the source of Events.
pub const MANAGER: &str = "mini-pra";

/// Time between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(200);

/// `KIND/NAME`, as kubectl writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<const KIND: usize> {
    /// The object's name.
    pub name: String,
}

/// `deployment/NAME`.
pub type DeploymentName = Named<0>;
/// `cronjob/NAME`.
pub type CronJobName = Named<1>;
/// `configmap/NAME`.
pub type ConfigMapName = Named<2>;

/// Each kind with its short names; the first is how it is written.
const KINDS: [&[&str]; 3] = [
    &["deployment", "deployments", "deploy", "deployment.apps"],
    &["cronjob", "cronjobs", "cj", "cronjob.batch"],
    &["configmap", "configmaps", "cm"],
];

impl<const KIND: usize> FromStr for Named<KIND> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = KINDS[KIND];
        match text.split_once('/') {
            Some((kind, name)) if kinds.contains(&kind) && !name.is_empty() && !name.contains('/') => {
                Ok(Self { name: name.to_owned() })
            }
            _ => Err(format!("'{text}' is not of the form {}/NAME", kinds[0])),
        }
    }
}

impl<const KIND: usize> fmt::Display for Named<KIND> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", KINDS[KIND][0], self.name)
    }
}

/// The replicas that a Deployment is asked to have.
///
/// # Errors
/// As [`call`].
pub async fn replicas(cluster: &Cluster, name: &str) -> Result<i32> {
    let scale = call(&format!("get the scale of deployment '{name}'"), || {
        let api = cluster.api::<Deployment>();
        async move { api.get_scale(name).await }
    })
    .await?;
    // A Scale leaves a zero out.
    Ok(scale.spec.and_then(|spec| spec.replicas).unwrap_or(0))
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

/// The label selector of a Deployment's pods.
///
/// # Errors
/// As [`call`]; [`Code::Usage`] where it selects otherwise than by labels.
pub async fn selector(cluster: &Cluster, name: &str) -> Result<String> {
    let deployment = call(&format!("get deployment '{name}'"), || {
        let api = cluster.api::<Deployment>();
        async move { api.get(name).await }
    })
    .await?;
    let labels = deployment.spec.and_then(|spec| spec.selector.match_labels).unwrap_or_default();
    if labels.is_empty() {
        return Err(Error::new(Code::Usage, format!("deployment '{name}' selects its pods by no label")));
    }
    Ok(labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","))
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

/// Waits until a Deployment has `replicas` ready pods.
///
/// # Errors
/// [`Code::Failed`] where it has not after `limit`; else as [`call`].
pub async fn ready(cluster: &Cluster, name: &str, replicas: i32, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let deployment = call(&format!("get deployment '{name}'"), || {
            let api = cluster.api::<Deployment>();
            async move { api.get(name).await }
        })
        .await?;
        let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
        if ready >= replicas {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Error::new(
                Code::Failed,
                format!("deployment '{name}' has {ready} of {replicas} ready pods after {} s", limit.as_secs()),
            )
            .hint("`kubectl describe pod` and `kubectl logs` of its pods say why"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use hyper::{Request, Response};
    use kube::Client;
    use kube::client::Body;

    use super::*;

    #[tokio::test]
    async fn a_deployment_that_is_scaled_to_zero_has_no_replicas() {
        let (service, mut server) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let cluster = Cluster::new(Client::new(service, "pra"), "pra");
        let answer = async {
            let (request, answer) = server.next_request().await.unwrap();
            assert_eq!(request.uri().path(), "/apis/apps/v1/namespaces/pra/deployments/events/scale");
            let scale =
                json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {}, "status": { "replicas": 0 } });
            answer.send_response(Response::new(Body::from(scale.to_string().into_bytes())));
        };
        let (replicas, ()) = tokio::join!(replicas(&cluster, "events"), answer);
        assert_eq!(replicas.unwrap(), 0);
    }

    #[test]
    fn names_are_written_as_for_kubectl() {
        let name: DeploymentName = "deploy/events".parse().unwrap();
        assert_eq!(name.to_string(), "deployment/events");
        assert!("pod/events".parse::<DeploymentName>().is_err());
        assert!("deployment/".parse::<DeploymentName>().is_err());
        assert!("cronjob/a/b".parse::<CronJobName>().is_err());
        assert_eq!("cm/restore-point".parse::<ConfigMapName>().unwrap().name, "restore-point");
    }
}
