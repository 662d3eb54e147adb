//! What to make for one workload: read, decided, and shown before it is applied.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, ResourceExt};
use pra_core::{Code, Error, Result};
use serde_json::{Value, json};

use super::names::Names;
use super::patch::{self, Init};
use super::template::{self, Settings};
use super::workload::{Workload, can_be_shared};
use crate::call::{call, find};
use crate::kit::{COMPONENT, Kit, VOLUME};
use crate::{Cluster, arguments, workload};

/// The user of our images, and of a SpinApp's pods where nothing else is said.
const USER: i64 = 65_532;

/// What protects an application that has a kit: [`Options::database`] is read from it.
const DEPLOYMENTS: [&str; 4] = ["deployment", "deployments", "deploy", "deployment.apps"];
const SPIN_APPS: [&str; 3] = ["spinapp", "spinapps", "spinapp.core.spinkube.dev"];

/// The workload to protect: `deployment/NAME` or `spinapp/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether it is a SpinApp, whose Deployment the Spin operator makes.
    pub spin_app: bool,
    /// Its name, and that of its Deployment.
    pub name: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((kind, name)) if !name.is_empty() && !name.contains('/') => {
                let (deployment, spin_app) = (DEPLOYMENTS.contains(&kind), SPIN_APPS.contains(&kind));
                if deployment || spin_app {
                    return Ok(Self { spin_app, name: name.to_owned() });
                }
                if kind.starts_with("statefulset") || kind == "sts" {
                    return Err(
                        "a StatefulSet has a claim, and so a database, for each of its pods, which one set of \
                                backups cannot be of: deployment/NAME or spinapp/NAME"
                            .to_owned(),
                    );
                }
                Err(format!("'{kind}' is not a kind that can be protected: deployment/NAME or spinapp/NAME"))
            }
            _ => Err(format!("'{text}' is not of the form deployment/NAME or spinapp/NAME")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", if self.spin_app { "spinapp" } else { "deployment" }, self.name)
    }
}

/// The schema of a new database if there is no backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// Nothing: the application makes its own.
    None,
    /// The event application's.
    Events,
}

/// What to protect, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The workload.
    pub target: Target,
    /// The database as the workload's container sees it; may be left out where the kit is there already.
    pub database: Option<String>,
    /// The user that owns the data; none: as the Deployment says.
    pub user: Option<i64>,
    /// The image of `backup-job`; none: the one of this version.
    pub image: Option<String>,
    /// When to make backups, as cron writes it; none: every minute.
    pub schedule: Option<String>,
    /// Size of the claim of the backups; none: 1Gi.
    pub backup_size: Option<String>,
    /// The schema of a new database if there is no backup; `None`: none, except for the event application.
    pub schema: Option<Schema>,
    /// Does not switch the database to WAL.
    pub keep_journal_mode: bool,
}

/// What to apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The kit; empty where the application has one that other manifests brought.
    pub kit: Vec<Value>,
    /// The fields of the workload's Deployment.
    pub workload: Value,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// An existing kit under other names: `kubectl apply -k k8s` created it.
#[derive(Debug, Clone)]
pub(super) struct Existing {
    database: String,
    backup_claim: String,
    image: Option<String>,
}

/// Looks at the workload and decides what it needs. Changes nothing.
///
/// # Errors
/// [`Code::Usage`] where the workload is not there or cannot be protected so; else as [`call`].
pub async fn plan(cluster: &Cluster, options: &Options) -> Result<Plan> {
    let name = options.target.name.as_str();
    let mut notes = Vec::new();
    if options.target.spin_app {
        notes.extend(spin_app(cluster, name).await?);
    }
    let deployment = workload::deployment(cluster, name).await?.ok_or_else(|| {
        Error::new(Code::Usage, format!("namespace '{}' has no deployment '{name}'", cluster.namespace()))
            .hint("check the name and -n; of a SpinApp the operator makes it: wait for that")
    })?;
    let existing = existing(cluster, name).await?;
    let mut plan = make(options, cluster.namespace(), &deployment, existing.as_ref())?;
    let label = plan.workload.pointer(&format!("/spec/template/metadata/labels/{VOLUME}"));
    let claim = label.and_then(Value::as_str).unwrap_or_default();
    let found = find(&format!("get the claim '{claim}'"), || {
        let api = cluster.api::<PersistentVolumeClaim>();
        async move { api.get(claim).await }
    })
    .await?;
    found.as_ref().map_or(Ok(()), can_be_shared)?;
    notes.append(&mut plan.notes);
    Ok(Plan { notes, ..plan })
}

/// The decision, without a cluster.
pub(super) fn make(
    options: &Options,
    namespace: &str,
    deployment: &Deployment,
    existing: Option<&Existing>,
) -> Result<Plan> {
    let Options { target, database, user, image, schedule, backup_size, schema, keep_journal_mode } = options;
    let database = database.as_ref().or(existing.map(|kit| &kit.database)).ok_or_else(|| {
        Error::new(Code::Usage, format!("which file of {target} is the database?"))
            .hint("--database PATH, as the application's container sees it")
    })?;
    let workload = Workload::read(deployment, database, user.or(target.spin_app.then_some(USER)))?;
    let mut names = Names::of(&target.name, &workload.claim)?;
    if let Some(kit) = existing {
        names.backup_claim.clone_from(&kit.backup_claim);
    }
    let settings = Settings {
        names,
        workload,
        image: image.clone().or(existing.and_then(|kit| kit.image.clone())),
        schedule: schedule.clone(),
        backup_size: backup_size.clone(),
    };
    let init = Init {
        events_schema: schema.map_or(existing.is_some(), |schema| schema == Schema::Events),
        keep_journal_mode: *keep_journal_mode,
        whole_pod: target.spin_app || user.is_some(),
    };
    let (mut patch, mut notes) = patch::patch(&settings, init, deployment)?;
    let mut kit = if existing.is_some() { Vec::new() } else { template::kit(&settings)? };
    for object in kit.iter_mut().chain([&mut patch]) {
        object["metadata"]["namespace"] = json!(namespace);
    }
    if existing.is_some() {
        notes.push(format!("the kit of '{}' is there already and stays as it is", target.name));
    }
    Ok(Plan { kit, workload: patch, notes })
}

/// The reasons why a SpinApp cannot be protected as it is.
async fn spin_app(cluster: &Cluster, name: &str) -> Result<Option<String>> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("core.spinkube.dev", "v1alpha1", "SpinApp"));
    let app = call(&format!("get spinapp '{name}'"), || {
        let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().clone(), cluster.namespace(), &resource);
        async move { api.get(name).await }
    })
    .await?;
    let autoscaling = app.data.pointer("/spec/enableAutoscaling") == Some(&Value::Bool(true));
    Ok((!autoscaling).then(|| {
        format!(
            "spinapp '{name}' does not say `enableAutoscaling: true`: the operator undoes a scale of 0, so that only \
             restores in place are possible"
        )
    }))
}

async fn existing(cluster: &Cluster, app: &str) -> Result<Option<Existing>> {
    let cronjobs = Kit::cronjobs(cluster, Some(app)).await?;
    let ours = Names::of(app, "")?.backup;
    let theirs = cronjobs
        .iter()
        .find(|one| one.labels().get(COMPONENT).map(String::as_str) == Some("backup") && one.name_any() != ours);
    theirs
        .map(|cronjob| {
            of_cronjob(cronjob).ok_or_else(|| {
                Error::new(Code::Usage, format!("the CronJob '{}' is not as the kit's", cronjob.name_any()))
                    .hint("apply the manifests of this version again")
            })
        })
        .transpose()
}

fn of_cronjob(cronjob: &CronJob) -> Option<Existing> {
    let (pod, container) = (arguments::pod(cronjob)?, arguments::container(cronjob)?);
    let database = (*arguments::values(container, "--database").first()?).to_owned();
    let volume = pod.volumes.as_ref()?.iter().find(|one| one.name == "backup")?;
    let backup_claim = volume.persistent_volume_claim.as_ref()?.claim_name.clone();
    Some(Existing { database, backup_claim, image: container.image.clone() })
}
