//! Drills: a disaster made on purpose, and measured.
//!
//! ```text
//!  writers ──► application          open loop, a new connection each, every acknowledgement in the ledger
//!  scenario ─► cluster              pod_crash, volume_loss, bad_write, cluster_loss: the disaster, the recovery, the
//!     │                             wait for it
//!     ├─►          replica          that it follows, before the disaster
//!     ├─►          rebuild          a lost namespace, made again from Secrets in memory and manifests
//!     │            memory           what is to be put back, noted on an object before anything is touched
//!     ▼
//!  ledger + what is there afterwards ─► account ─► report (verdict, timeline) ─► svg
//! ```
//! ledger, schedule, server_clock, account, verdict, timeline, report and svg are pure. Durations are since the drill
//! began, by the monotonic clock; the server's timestamps are compared with it only through `server_clock`.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the real clock"))]

pub mod account;
pub mod application;
pub mod bad_write;
pub mod cluster_loss;
pub mod course;
#[cfg(test)]
mod fixtures;
pub mod http;
pub mod ledger;
pub mod manifests;
pub mod memory;
pub mod plan;
pub mod pod_crash;
pub mod rebuild;
pub mod record;
pub mod replica;
pub mod report;
pub mod schedule;
pub mod server_clock;
pub mod stage;
pub mod svg;
pub mod timeline;
pub mod verdict;
pub mod volume;
pub mod volume_loss;
pub mod writers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::kit::Kit;
use cluster::replicas::Replicas;
use cluster::{Cluster, workload};
use kube::ResourceExt;
use pra_core::{Code, Error, Result};
use tokio::signal::unix::{SignalKind, signal};

use account::Allowance;
use application::Application;
use course::Course;
use http::{Target, Token};
use memory::Memory;
pub use plan::Plan;
use pod_crash::How;
use rebuild::Rebuild;
use report::{Notes, Point, Report, Subject};
use schedule::Schedule;
use stage::Stage;
use verdict::Promised;
use volume_loss::By;
use writers::Writers;

/// How long writes that are under way at the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// Which disaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A pod dies.
    PodCrash(How),
    /// The data volume is gone.
    VolumeLoss(By),
    /// Wrong data was written.
    BadWrite,
    /// The namespace is gone, with all volumes.
    ClusterLoss,
}

impl Scenario {
    /// Its name and that of its variant.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::PodCrash(how) => ("pod-crash", how.name()),
            Self::VolumeLoss(by) => ("volume-loss", by.name()),
            Self::BadWrite => ("bad-write", "restore"),
            Self::ClusterLoss => ("cluster-loss", "apply"),
        }
    }
}

/// A drill to be made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which disaster.
    pub scenario: Scenario,
    /// The application; none: the only one that is protected in the namespace.
    pub app: Option<String>,
    /// Where it answers; none: `http://APP`, as in the cluster, or for [`Scenario::ClusterLoss`] through the API
    /// server.
    pub url: Option<String>,
    /// The application's `api_token`, where it has one.
    pub token: Option<Token>,
    /// Writes per second.
    pub rate: u32,
    /// Uses connections again.
    pub keep_alive: bool,
    /// How long to write before the disaster.
    pub before: Duration,
    /// How long to write after the recovery.
    pub after: Duration,
    /// Longest wait for one step.
    pub limit: Duration,
    /// For [`Scenario::ClusterLoss`]: what the namespace is made again from.
    pub rebuild: Option<rebuild::Options>,
}

/// What a scenario found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When the disaster was, since the drill began.
    pub disaster: Duration,
    /// When the recovery's command was given, where there was one.
    pub recovery: Option<Duration>,
    /// What may be missing.
    pub allowance: Allowance,
    /// What was promised.
    pub promised: Promised,
    /// What was restored.
    pub restore_point: Option<Point>,
}

/// A drill that may begin.
#[derive(Debug)]
pub struct Prepared {
    cluster: Cluster,
    options: Options,
    kit: Kit,
    replica: Option<Replicas>,
    rebuild: Option<Rebuild>,
    plan: Plan,
}

/// Looks whether a drill may begin. Changes nothing.
///
/// # Errors
/// [`Code::Usage`] where the namespace does not allow drills, or there is nothing to make one on.
pub async fn prepare(cluster: Cluster, options: Options) -> Result<Prepared> {
    stage::require_permission(&cluster).await?;
    let kit = Kit::find(&cluster, options.app.as_deref()).await?;
    let claim = kit.data_claim()?;
    let replicas = workload::wanted(&workload::existing(&cluster, &kit.app).await?);
    if replicas < 1 {
        return Err(Error::new(Code::Usage, format!("deployment '{}' is scaled to 0", kit.app))
            .hint("scale it up, or `drill put-back` where a drill has left it so"));
    }
    let replica = stage::replica(&cluster, &kit.app).await?;
    let rebuild = rebuild(&cluster, &options, &kit.app, &claim, replica.as_ref()).await?;
    let (drill, how) = options.scenario.names();
    let plan = Plan {
        drill,
        how,
        namespace: cluster.namespace().to_owned(),
        app: kit.app.clone(),
        url: options.url.clone().unwrap_or_else(|| match rebuild {
            Some(_) => format!("service '{}' through the API server", kit.app),
            None => format!("http://{}", kit.app),
        }),
        rate: options.rate,
        replicas,
        steps: Plan::steps(options.scenario, &kit.app, &claim, replica.is_some()),
        claim,
        replica: replica.as_ref().map(|replica| replica.urls.clone()),
    };
    Ok(Prepared { cluster, options, kit, replica, rebuild, plan })
}

/// What a lost namespace is made again from; `None` where none is lost.
async fn rebuild(
    cluster: &Cluster,
    options: &Options,
    app: &str,
    claim: &str,
    replica: Option<&Replicas>,
) -> Result<Option<Rebuild>> {
    if options.scenario != Scenario::ClusterLoss {
        return Ok(None);
    }
    let replica = replica.ok_or_else(|| {
        Error::new(Code::Usage, format!("'{app}' has no replica: nothing would be left of it"))
            .hint("k8s/overlays/s3 has one")
    })?;
    let from = options.rebuild.as_ref().ok_or_else(|| {
        Error::new(Code::Usage, "the namespace is made again from its manifests, and none were given")
            .hint("--manifests DIR is what you apply with `kubectl apply -k`")
    })?;
    Rebuild::prepare(cluster, from, app, claim, replica.encrypted).await.map(Some)
}

impl Prepared {
    /// What will be done.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Does it. However it ends, and on SIGTERM and SIGINT, all is put back as it was.
    ///
    /// # Errors
    /// Where the application takes no writes or does not come back, or the cluster refuses.
    pub async fn apply(self) -> Result<Report> {
        let Self { cluster, options, kit, replica, rebuild, plan } = self;
        let target = match (&rebuild, &options.url) {
            (Some(_), None) => Target::through(&cluster, &kit.app, options.token)?,
            _ => Target::resolve(&plan.url, options.keep_alive, options.token).await?,
        };
        let application = Arc::new(Application::new(target));
        application.lets_us_write().await?;
        let cursor = application.newest().await?;

        let memory = remember(&cluster, &kit, &plan, options.scenario).await?;
        let cronjob = kit.backup.name_any();
        memory.note(&cluster, &cronjob, options.limit).await?;
        let course = Course::start();
        let prefix = report::prefix(&memory.id);
        let schedule = Schedule::new(options.rate);
        let writers = Writers::start(Arc::clone(&application), schedule, course.clock, prefix.clone());
        let Options { before, after, limit, .. } = options;
        let replicas = plan.replicas;
        let stage = Stage {
            cluster,
            kit,
            replicas,
            replica,
            rebuild,
            memory,
            course,
            application,
            writers,
            before,
            after,
            limit,
        };

        let outcome = tokio::select! {
            outcome = run(&stage, options.scenario) => outcome,
            error = interrupted() => Err(error),
        };
        let brought_back = match (&outcome, &stage.rebuild) {
            (Err(_), Some(rebuild)) => rebuild.bring_back(&stage.cluster, limit).await,
            _ => Ok(()),
        };
        let put_back = match brought_back {
            Ok(()) => stage.memory.put_back(&stage.cluster, &cronjob, limit).await,
            Err(error) => Err(error),
        };
        let Outcome { disaster, recovery, allowance, mut promised, restore_point } = match (outcome, put_back) {
            (Ok(outcome), Ok(())) => outcome,
            (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
            (Err(error), Err(left)) => {
                return Err(error.hint(format!("not all was put back ({left}): `drill put-back` tries again")));
            }
        };

        let Stage { cluster, kit, memory, course, application, writers, .. } = stage;
        let ledger = writers.finish(GRACE).await?;
        let end = course.clock.now();
        let messages = course.phase("read back", application.messages(cursor.as_deref(), &prefix)).await?;
        if promised.bad_left.is_some() {
            let bad = bad_write::bad_prefix(&memory.id);
            promised.bad_left = Some(messages.iter().map(|message| u64::from(message.starts_with(&bad))).sum());
        }
        let (phases, marks) = course.log_so_far();
        Ok(Report::new(Notes {
            subject: Subject {
                drill: plan.drill.into(),
                how: plan.how.into(),
                id: memory.id,
                namespace: cluster.namespace().to_owned(),
                app: kit.app,
                replicas,
            },
            started_at: course.started_at,
            phases,
            marks,
            disaster,
            recovery,
            end,
            ledger,
            found: messages.iter().filter_map(|message| writers::sequence(&prefix, message)).collect(),
            allowance,
            promised,
            restore_point,
        }))
    }
}

async fn run(stage: &Stage, scenario: Scenario) -> Result<Outcome> {
    match scenario {
        Scenario::PodCrash(how) => pod_crash::run(stage, how).await,
        Scenario::VolumeLoss(by) => volume_loss::run(stage, by).await,
        Scenario::BadWrite => bad_write::run(stage).await,
        Scenario::ClusterLoss => cluster_loss::run(stage).await,
    }
}

/// What this scenario has to put back.
async fn remember(cluster: &Cluster, kit: &Kit, plan: &Plan, scenario: Scenario) -> Result<Memory> {
    let began_at = disk::clock::now();
    // Unique enough: no two drills are at work at once.
    let id = format!("{:x}", began_at.as_millisecond());
    let mut memory = Memory { id, began_at, replicas: BTreeMap::new(), suspended: None, claim: None };
    if !matches!(scenario, Scenario::PodCrash(_)) {
        memory.suspended = Some(workload::is_suspended(cluster, &kit.backup.name_any()).await?);
    }
    if let Scenario::VolumeLoss(_) = scenario {
        memory.claim = Some(volume_loss::claim(cluster, &plan.claim).await?);
    }
    if let Scenario::VolumeLoss(_) | Scenario::ClusterLoss = scenario {
        memory.replicas.insert(kit.app.clone(), plan.replicas);
        for replicator in stage::replicators(cluster, &kit.app).await? {
            memory.replicas.insert(replicator.name_any(), workload::wanted(&replicator));
        }
    }
    Ok(memory)
}

/// Puts back what a drill that was killed has left. Returns its name, or `None` where there is nothing.
///
/// # Errors
/// As [`Memory::put_back`].
pub async fn put_back(cluster: &Cluster, app: Option<&str>, limit: Duration) -> Result<Option<String>> {
    let kit = Kit::find(cluster, app).await?;
    let Some(memory) = memory::read(&kit.backup)? else {
        return Ok(None);
    };
    memory.put_back(cluster, &kit.backup.name_any(), limit).await?;
    Ok(Some(memory.id))
}

/// Ends when a signal asks the drill to end.
async fn interrupted() -> Error {
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a handler the signal ends the process; its successor puts things back.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
    Error::new(Code::Failed, "the drill was interrupted: all is put back as it was")
}
