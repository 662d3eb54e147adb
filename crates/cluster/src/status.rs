//! The state of an application and its protection.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use pra_core::{Code, Result};
use serde::Serialize;
use serde_json::Value;

use super::call::{call, find};
use super::kit::{ALLOWED, COMPONENT, INSTANCE, Kit, SELECTOR};
use super::{Cluster, quiesce, workload};

mod words;

pub use words::summary;

/// How long the application may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The state of an application and its protection; `-o json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The state in one sentence.
    pub summary: String,
    /// Whether there is nothing to do.
    pub healthy: bool,
    /// The namespace.
    pub namespace: String,
    /// The application.
    pub application: Application,
    /// Its backups.
    pub backups: Backups,
    /// Its checkpointer.
    pub checkpointer: Pods,
    /// Its restores.
    pub restore: Restore,
    /// Its drills.
    pub drills: Drills,
}

/// Pods of a Deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pods {
    /// The Deployment; null where it is not there.
    pub deployment: Option<String>,
    /// Pods that are wanted.
    pub replicas: i32,
    /// Pods that are ready.
    pub ready: i32,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its pods.
    #[serde(flatten)]
    pub pods: Pods,
    /// Where they are.
    pub nodes: Vec<String>,
    /// What its `/status` answers, through the API server; null where it has none or cannot be reached so.
    pub status: Option<Value>,
}

/// The backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backups {
    /// The CronJob.
    pub cronjob: String,
    /// When it makes one, as cron writes it.
    pub schedule: String,
    /// Whether it makes none now.
    pub suspended: bool,
    /// When the last one began.
    pub last_scheduled: Option<Timestamp>,
    /// When the last one succeeded.
    pub last_successful: Option<Timestamp>,
    /// Time since then.
    pub age_seconds: Option<u64>,
    /// Backups that are being made.
    pub active: usize,
}

/// Restores.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Restore {
    /// The holder of the Lease; null: no restore runs.
    pub holder: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// How far it is, or how far one that did not end had come.
    pub unfinished: Option<Value>,
    /// The report of the last one.
    pub last: Option<Value>,
}

/// Drills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drills {
    /// Whether their template is there.
    pub installed: bool,
    /// Whether the namespace allows them; null where we may not look.
    pub allowed: Option<bool>,
}

/// Looks.
///
/// # Errors
/// As [`call`]. What may be missing or forbidden without harm (the namespace, the Service, the Lease) is no error.
pub async fn read(cluster: &Cluster, kit: &Kit, now: Timestamp) -> Result<Status> {
    let mut status = Status {
        summary: String::new(),
        healthy: false,
        namespace: cluster.namespace().to_owned(),
        application: application(cluster, kit).await?,
        backups: backups(kit, now),
        checkpointer: checkpointer(cluster, &kit.app).await?,
        restore: restore(cluster, kit.lease()).await?,
        drills: Drills { installed: kit.drill.is_some(), allowed: drills_allowed(cluster).await? },
    };
    (status.healthy, status.summary) = summary(&status);
    Ok(status)
}

async fn application(cluster: &Cluster, kit: &Kit) -> Result<Application> {
    let name = kit.deployment();
    let deployment = workload::deployment(cluster, name).await?;
    let mut nodes = Vec::new();
    // One that selects its pods otherwise: where they are is not known.
    if let Some(Ok(selector)) = deployment.as_ref().map(workload::selector) {
        let pods = workload::pods(cluster, &selector).await?;
        nodes = pods.into_iter().filter_map(|pod| pod.spec?.node_name).collect();
        nodes.sort_unstable();
        nodes.dedup();
    }
    let pods = deployment.as_ref().map(pods).unwrap_or_default();
    let status = if pods.ready > 0 { own_status(cluster, &kit.app).await } else { None };
    Ok(Application { name: kit.app.clone(), pods, nodes, status })
}

fn pods(deployment: &Deployment) -> Pods {
    Pods {
        deployment: Some(deployment.name_any()),
        replicas: workload::wanted(deployment),
        ready: workload::ready(deployment),
    }
}

/// What the application says of itself. One that says nothing is no error: not every application has `/status`.
async fn own_status(cluster: &Cluster, app: &str) -> Option<Value> {
    let ask = async {
        let service = cluster.api::<Service>().get_opt(app).await.ok()??;
        let port = service.spec?.ports?.first()?.port;
        let path = format!("/api/v1/namespaces/{}/services/{app}:{port}/proxy/status", cluster.namespace());
        let request = hyper::Request::get(path).body(Vec::new()).ok()?;
        cluster.client().request(request).await.ok()
    };
    tokio::time::timeout(PATIENCE, ask).await.ok().flatten()
}

fn backups(kit: &Kit, now: Timestamp) -> Backups {
    let spec = kit.backup.spec.clone().unwrap_or_default();
    let status = kit.backup.status.clone().unwrap_or_default();
    let last_successful = status.last_successful_time.and_then(|time| instant(time.0));
    Backups {
        cronjob: kit.backup.name_any(),
        schedule: spec.schedule,
        suspended: spec.suspend.unwrap_or(false),
        last_scheduled: status.last_schedule_time.and_then(|time| instant(time.0)),
        last_successful,
        age_seconds: last_successful.map(|last| now.duration_since(last).as_secs().try_into().unwrap_or(0)),
        active: status.active.map_or(0, |active| active.len()),
    }
}

/// Kubernetes' types come with an older `jiff` than ours.
fn instant(time: k8s_openapi::jiff::Timestamp) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.as_millisecond()).ok()
}

async fn checkpointer(cluster: &Cluster, app: &str) -> Result<Pods> {
    let list = ListParams::default().labels(&format!("{SELECTOR},{INSTANCE}={app},{COMPONENT}=replicator"));
    let found = call("list the checkpointers", || {
        let (api, list) = (cluster.api::<Deployment>(), list.clone());
        async move { api.list(&list).await }
    })
    .await?;
    Ok(found.items.first().map(pods).unwrap_or_default())
}

async fn restore(cluster: &Cluster, lease: &str) -> Result<Restore> {
    let found = find(&format!("get lease '{lease}'"), || {
        let api = cluster.api::<Lease>();
        async move { api.get(lease).await }
    })
    .await?;
    let Some(lease) = found else { return Ok(Restore::default()) };
    let annotation = |key: &str| {
        lease
            .annotations()
            .get(key)
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_text| Value::String(text.clone())))
    };
    let spec = lease.spec.clone().unwrap_or_default();
    Ok(Restore {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        since: spec.acquire_time.and_then(|time| instant(time.0)),
        unfinished: annotation(quiesce::STATE),
        last: annotation(quiesce::LAST),
    })
}

async fn drills_allowed(cluster: &Cluster) -> Result<Option<bool>> {
    let name = cluster.namespace();
    let namespace: Result<Namespace> = call(&format!("get namespace '{name}'"), || {
        let api: Api<Namespace> = Api::all(cluster.client().clone());
        async move { api.get(name).await }
    })
    .await;
    match namespace {
        Ok(namespace) => Ok(Some(namespace.annotations().get(ALLOWED).is_some_and(|value| value == "true"))),
        // Few may look at namespaces.
        Err(error) if error.code() == Code::Usage => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
