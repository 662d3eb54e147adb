//! What all drills do in the cluster.

use std::sync::Arc;
use std::time::Duration;

use cluster::call::call;
use cluster::kit::{ALLOWED, COMPONENT, INSTANCE, Kit};
use cluster::replicas::Replicas;
use cluster::{Cluster, jobs, workload};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use pra_core::{Code, Error, Result};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::application::Application;
use super::course::Course;
use super::memory::Memory;
use super::rebuild::Rebuild;
use super::replica;
use super::report::Point;
use super::writers::Writers;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What is there now.
    pub point: Point,
    /// While requests went on.
    pub in_place: bool,
}

/// A drill that has begun.
#[derive(Debug)]
pub struct Stage {
    /// Where.
    pub cluster: Cluster,
    /// What protects the application.
    pub kit: Kit,
    /// The application's pods when all is well.
    pub replicas: i32,
    /// Its replicas in object stores.
    pub replica: Option<Replicas>,
    /// What its namespace is made again from, where that is lost.
    pub rebuild: Option<Rebuild>,
    /// What is to be put back.
    pub memory: Memory,
    /// The drill's course.
    pub course: Course,
    /// The application.
    pub application: Arc<Application>,
    /// Those who write to it.
    pub writers: Writers,
    /// How long to write before the disaster, and after the recovery.
    pub before: Duration,
    /// The same after the recovery.
    pub after: Duration,
    /// The longest wait for one step.
    pub limit: Duration,
}

impl Stage {
    /// Writes for a while before anything happens. The application has to take writes, or there is no drill.
    ///
    /// # Errors
    /// As [`Writers::acknowledged_since`].
    pub async fn calm(&self) -> Result<()> {
        self.course
            .phase("write", async {
                self.writers.acknowledged_since(Duration::ZERO, self.limit).await?;
                sleep(self.before).await;
                Ok(())
            })
            .await
    }

    /// Waits for a write that is sent from now on, then writes for a while.
    ///
    /// # Errors
    /// As [`Writers::acknowledged_since`].
    pub async fn recovered(&self) -> Result<()> {
        let from = self.course.mark("recovered");
        self.course
            .phase("write on", async {
                self.writers.acknowledged_since(from, self.limit).await?;
                sleep(self.after).await;
                Ok(())
            })
            .await
    }

    /// Makes a backup as the CronJob does, and says which one. It stays the newest: the CronJob is suspended, until
    /// what was remembered is put back.
    ///
    /// # Errors
    /// As [`Stage::job`]; [`Code::Damaged`] where it is not what the application sees.
    pub async fn back_up(&self) -> Result<Point> {
        let backup = async {
            self.stop_backups().await?;
            let answer = self.job(&self.kit.backup, "backup", &[], false).await?;
            let file = answer.get("file").and_then(Value::as_str).unwrap_or_default();
            let status = self.application.status().await?;
            match (status.last_backup_file, status.last_backup_at) {
                (Some(newest), Some(created_at)) if newest == file => Ok(Point { file: newest, created_at }),
                (newest, _) => Err(Error::new(
                    Code::Damaged,
                    format!("the backup '{file}' was made and the application sees '{}'", newest.unwrap_or_default()),
                )
                .hint("check that the application mounts the claim of the backups")),
            }
        };
        self.course.phase("back up", backup).await
    }

    /// Sees to it that a restore would bring back what is written now, from the replica; no backup is made from now on.
    /// Returns how far the replica was.
    ///
    /// # Errors
    /// As [`replica::follows`].
    pub async fn replica_follows(&self) -> Result<Point> {
        let look = async {
            self.stop_backups().await?;
            replica::follows(self).await
        };
        self.course.phase("ask the replica", look).await
    }

    async fn stop_backups(&self) -> Result<()> {
        workload::suspend(&self.cluster, &self.kit.backup.name_any(), true).await?;
        self.no_backup_at_work().await
    }

    /// Plans a restore of the newest that there is, and does none.
    ///
    /// # Errors
    /// As [`Stage::job`].
    pub async fn plan_restore(&self, step: &str) -> Result<Value> {
        // To its end: a Job that is still at work would come back to a volume that is about to go.
        self.job(&self.kit.restore, step, &["--point=latest", "--dry-run"], false).await
    }

    /// Restores as a user does, with a Job of the template. Returns as soon as it says that it is done: the Job
    /// controller takes a second or more to say the same.
    ///
    /// # Errors
    /// As [`Stage::job`].
    pub async fn restore(&self, point: &str) -> Result<Restored> {
        let answer = self.job(&self.kit.restore, "restore", &[&format!("--point={point}")], true).await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        let restored = || {
            let created_at = text("reached")?.parse().ok()?;
            let point = Point { file: text("point")?.to_owned(), created_at };
            Some(Restored { point, in_place: text("mode")? == "in-place" })
        };
        restored().ok_or_else(|| Error::new(Code::Failed, format!("a restore ended without its report: {answer}")))
    }

    /// Runs a Job of a CronJob's template and returns its answer: at its end, or as soon as it is heard.
    ///
    /// # Errors
    /// What the Job said where it failed; else as [`jobs::follow`].
    async fn job(&self, template: &CronJob, step: &str, more: &[&str], early: bool) -> Result<Value> {
        let name = self.memory.job(step);
        let change = jobs::Change { args: None, more: more.iter().map(|&one| one.to_owned()).collect() };
        jobs::create(&self.cluster, &jobs::from_cronjob(template, &name, &change)?).await?;
        let (say, heard) = oneshot::channel();
        let mut say = early.then_some(say);
        let mut hear = |line: &str| {
            if let Some(answer) = jobs::answer(line).filter(|answer| answer.get("error").is_none())
                && let Some(say) = say.take()
            {
                // If the Job has ended meanwhile, the receiver is gone.
                drop(say.send(answer));
            }
        };
        let outcome = tokio::select! {
            outcome = jobs::follow(&self.cluster, &name, self.limit, &mut hear) => outcome?,
            Ok(answer) = heard => return Ok(answer),
        };
        let answer = outcome.answer.unwrap_or_default();
        if outcome.succeeded {
            return Ok(answer);
        }
        let said = |key: &str| answer.pointer(&format!("/error/{key}")).and_then(Value::as_str).map(str::to_owned);
        let message = said("message").unwrap_or_else(|| "it said nothing".to_owned());
        let error = Error::new(Code::Failed, format!("job '{name}' failed: {message}"));
        Err(error.hint(said("hint").unwrap_or_else(|| format!("`kubectl logs job/{name}` says more"))))
    }

    /// Waits until as many pods as there were are ready, as `counts` counts them.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn pods_ready(&self, counts: impl Fn(&Pod) -> bool) -> Result<()> {
        let wanted = usize::try_from(self.replicas).unwrap_or_default();
        self.until(&format!("{wanted} ready pods"), async || {
            let pods = self.pods().await?;
            Ok(pods.iter().filter(|pod| is_ready(pod) && counts(pod)).count() >= wanted)
        })
        .await
    }

    /// Waits until a pod of the application is gone.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn pod_gone(&self, pod: &Pod) -> Result<()> {
        self.until(&format!("the end of pod '{}'", pod.name_any()), async || {
            Ok(self.pods().await?.iter().all(|other| other.uid() != pod.uid()))
        })
        .await
    }

    /// Waits until no backup is being made.
    ///
    /// # Errors
    /// As [`Stage::until`].
    pub async fn no_backup_at_work(&self) -> Result<()> {
        let name = self.kit.backup.name_any();
        self.until(&format!("the end of the Jobs of cronjob '{name}'"), async || {
            let cronjob = call(&format!("get cronjob '{name}'"), || {
                let (api, name) = (self.cluster.api::<CronJob>(), name.clone());
                async move { api.get(&name).await }
            })
            .await?;
            Ok(cronjob.status.and_then(|status| status.active).unwrap_or_default().is_empty())
        })
        .await
    }

    /// The application's pods.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let selector = workload::selector(&workload::existing(&self.cluster, &self.kit.app).await?)?;
        workload::pods(&self.cluster, &selector).await
    }

    /// Waits until `done` says yes.
    ///
    /// # Errors
    /// [`Code::Failed`] where it has not after [`Stage::limit`]; else its own.
    pub async fn until(&self, what: &str, done: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + self.limit;
        while !done().await? {
            if Instant::now() >= deadline {
                return Err(Error::new(Code::Failed, format!("waited {} s for {what}", self.limit.as_secs()))
                    .hint("`kubectl get pods,jobs`, `kubectl describe pod` and `kubectl logs` say why"));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// Refuses where drills are not allowed.
///
/// # Errors
/// [`Code::Usage`] where the namespace does not carry the annotation; else as [`call`].
pub async fn require_permission(cluster: &Cluster) -> Result<()> {
    let name = cluster.namespace();
    let namespace = call(&format!("get namespace '{name}'"), || {
        let api: Api<Namespace> = Api::all(cluster.client().clone());
        async move { api.get(name).await }
    })
    .await?;
    match namespace.annotations().get(ALLOWED).map(String::as_str) {
        Some("true") => Ok(()),
        _ => Err(Error::new(Code::Usage, format!("drills are not allowed in namespace '{name}'")).hint(format!(
            "a drill is a real disaster: where you want one, `kubectl annotate namespace {name} {ALLOWED}=true`"
        ))),
    }
}

/// The Deployments that feed the application's replicas and keep its log.
///
/// # Errors
/// As [`call`].
pub async fn replicators(cluster: &Cluster, app: &str) -> Result<Vec<Deployment>> {
    let list = ListParams::default().labels(&format!("{INSTANCE}={app},{COMPONENT}=replicator"));
    let found = call("list the replicators", || {
        let (api, list) = (cluster.api::<Deployment>(), list.clone());
        async move { api.list(&list).await }
    })
    .await?;
    Ok(found.items)
}

/// The application's replicas in object stores.
///
/// # Errors
/// As [`call`].
pub async fn replica(cluster: &Cluster, app: &str) -> Result<Option<Replicas>> {
    match replicators(cluster, app).await?.first() {
        Some(replicator) => cluster::replicas::of(cluster, replicator).await,
        None => Ok(None),
    }
}

/// Whether a pod gets requests.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True")
}
