//! A Job from a CronJob's template, as `kubectl create job NAME --from=cronjob/CRONJOB` makes it: made, followed to its
//! end, and its answer read from what it printed.

use std::time::Duration;

use futures_util::{AsyncBufReadExt, StreamExt};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use kube::api::{LogParams, ObjectMeta};
use pra_core::{Code, Error, Result};
use tokio::time::Instant;

use super::call::{call, failed};
use super::{Cluster, workload};

/// Time between two looks at a Job.
const LOOK: Duration = Duration::from_millis(200);

/// What a Job does differently from its template.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Arguments in place of the template's, except those that name places (paths, URLs).
    pub args: Option<Vec<String>>,
    /// Arguments after those.
    pub more: Vec<String>,
}

/// How a Job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the Job is complete.
    pub succeeded: bool,
    /// The exit code of its last pod, if it had one.
    pub exit_code: Option<i32>,
    /// What it printed on stdout with `-o json`: its last line that is JSON and not a log line.
    pub answer: Option<serde_json::Value>,
}

/// The Job that a CronJob's template describes, with another name and a few changes to its first container.
///
/// # Errors
/// [`Code::Usage`] where the template has no container.
pub fn from_cronjob(cronjob: &CronJob, name: &str, change: &Change) -> Result<Job> {
    let template = cronjob.spec.as_ref().map(|spec| spec.job_template.clone()).unwrap_or_default();
    let mut spec = template.spec.unwrap_or_default();
    let containers = spec.template.spec.as_mut().map(|pod| pod.containers.as_mut_slice()).unwrap_or_default();
    let Some(container) = containers.first_mut() else {
        return Err(Error::new(Code::Usage, format!("the CronJob '{}' has no container", cronjob.name_any()))
            .hint("apply the manifests again"));
    };
    if let Some(args) = &change.args {
        let (words, flags) = args.split_at(args.iter().position(|arg| arg.starts_with('-')).unwrap_or(args.len()));
        let kept = container.args.take().unwrap_or_default().into_iter().filter(|arg| is_configuration(arg));
        container.args = Some(words.iter().cloned().chain(kept).chain(flags.iter().cloned()).collect());
    }
    container.args.get_or_insert_default().extend(change.more.iter().cloned());
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let mut annotations = template.metadata.and_then(|metadata| metadata.annotations).unwrap_or_default();
    annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), "manual".to_owned());
    let owner = OwnerReference {
        api_version: "batch/v1".to_owned(),
        kind: "CronJob".to_owned(),
        name: cronjob.name_any(),
        uid: cronjob.uid().unwrap_or_default(),
        ..OwnerReference::default()
    };
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels,
        annotations: Some(annotations),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    Ok(Job { metadata, spec: Some(spec), status: None })
}

/// Whether an argument names a place, for any verb.
fn is_configuration(argument: &str) -> bool {
    let flag = argument.split_once('=').map_or(argument, |(flag, _)| flag);
    let general = ["--ignore-environment", "--config", "--database", "--backups", "--output", "--yes"];
    general.contains(&flag) || ["--app", "--url", "--api-token-file"].contains(&flag)
}

/// Makes the Job. An object of this name that already exists counts as success: the answer to an earlier try was lost.
///
/// # Errors
/// As [`call`].
pub async fn create(cluster: &Cluster, job: &Job) -> Result<()> {
    super::call::create(cluster, "job", job).await
}

/// Follows a Job to its end; `hear` gets each line that its pods print, as it comes.
///
/// # Errors
/// [`Code::Failed`] where it has not ended after `limit`, with what its pods wait for; else as [`call`].
pub async fn follow(cluster: &Cluster, name: &str, limit: Duration, hear: &mut dyn FnMut(&str)) -> Result<Outcome> {
    let deadline = Instant::now() + limit;
    let selector = format!("batch.kubernetes.io/job-name={name}");
    let mut last_answer = None;
    let mut heard: Vec<String> = Vec::new();
    loop {
        let pods = workload::pods(cluster, &selector).await?;
        for pod in pods.iter().filter(|pod| has_started(pod)).map(ResourceExt::name_any) {
            if heard.contains(&pod) {
                continue;
            }
            listen(cluster, &pod, deadline, &mut |line| {
                last_answer = answer(line).or_else(|| last_answer.take());
                hear(line);
            })
            .await?;
            heard.push(pod);
        }
        let job = call(&format!("get job '{name}'"), || {
            let api = cluster.api::<Job>();
            async move { api.get(name).await }
        })
        .await?;
        if let Some(succeeded) = ended(&job) {
            let exit_code = workload::pods(cluster, &selector).await?.iter().filter_map(exit_code).next_back();
            return Ok(Outcome { succeeded, exit_code, answer: last_answer });
        }
        if Instant::now() >= deadline {
            return Err(Error::new(Code::Failed, format!("job '{name}' has not ended after {} s", limit.as_secs()))
                .hint(pods.iter().map(waits_for).collect::<Vec<_>>().join("; ")));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Follows the log of one pod until it ends.
async fn listen(cluster: &Cluster, pod: &str, deadline: Instant, hear: &mut dyn FnMut(&str)) -> Result<()> {
    let what = format!("read the log of pod '{pod}'");
    let follow = LogParams { follow: true, ..LogParams::default() };
    let stream = cluster.api::<Pod>().log_stream(pod, &follow).await;
    let mut lines = match stream {
        Ok(stream) => stream.lines(),
        // Removed in the meantime.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        Err(error) => return Err(failed(&what, error)),
    };
    loop {
        match tokio::time::timeout_at(deadline, lines.next()).await {
            Ok(Some(line)) => {
                hear(&line.map_err(|e| Error::new(Code::OutOfReach, format!("failed to {what}")).because(e))?)
            }
            // The caller checks whether the Job is over.
            Ok(None) | Err(_) => return Ok(()),
        }
    }
}

/// A line of stdout, told from the log lines of stderr that Kubernetes mixes with it: those have a level.
pub fn answer(line: &str) -> Option<serde_json::Value> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    (value.is_array() || (value.is_object() && value.get("level").is_none())).then_some(value)
}

fn has_started(pod: &Pod) -> bool {
    let states = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let first = states.and_then(|states| states.first()).and_then(|state| state.state.as_ref());
    first.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

fn exit_code(pod: &Pod) -> Option<i32> {
    let state = pod.status.as_ref()?.container_statuses.as_ref()?.first()?.state.as_ref()?;
    state.terminated.as_ref().map(|ended| ended.exit_code)
}

/// `None`: not yet.
fn ended(job: &Job) -> Option<bool> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let is = |kind: &str| conditions.iter().any(|one| one.type_ == kind && one.status == "True");
    if is("Complete") { Some(true) } else { is("Failed").then_some(false) }
}

fn waits_for(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or("unknown");
    let unmet = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let why: Vec<&str> = unmet.filter(|one| one.status == "False").filter_map(|one| one.message.as_deref()).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    format!("pod '{}' is {phase}{why}", pod.name_any())
}

#[cfg(test)]
mod tests;
