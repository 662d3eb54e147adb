//! `restore` in a cluster: flags become options.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::client::block_on;
use cluster::quiesce::{self, Approve, Identity, Options};
use cluster::{Access, Cluster};
use engine::restore;
use pra_core::point::Point;
use pra_core::{Code, Error, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::args::length;
use super::output::Answer;

/// What to stop, and where to write down what was.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "In a Kubernetes cluster")]
pub(super) struct Quiesce {
    /// Scale this Deployment to zero if the file must be replaced, and back afterwards
    #[arg(long, value_name = "deployment/NAME", env = "PRA_QUIESCE", value_delimiter = ',', requires = "lease", value_parser = deployment)]
    quiesce: Vec<String>,
    /// Suspend this CronJob meanwhile
    #[arg(long, value_name = "cronjob/NAME", env = "PRA_SUSPEND", value_delimiter = ',', requires = "lease", value_parser = cronjob)]
    suspend: Vec<String>,
    /// Take the restore point from the key `point` of this ConfigMap, unless --point names one; it is used once
    #[arg(long, value_name = "configmap/NAME", env = "PRA_POINT_FROM", requires = "lease", value_parser = configmap)]
    point_from: Option<String>,
    /// The Lease that names the running restore and records what to bring back
    #[arg(long, value_name = "NAME", env = "PRA_LEASE")]
    lease: Option<String>,
    /// The namespace; the pod's own or the kubeconfig's by default
    #[arg(short, long, value_name = "NAME", env = "PRA_NAMESPACE")]
    namespace: Option<String>,
    /// Longest wait for pods to end, and for the application to be ready again
    #[arg(long, value_name = "TIME", env = "PRA_QUIESCE_TIMEOUT", default_value = "2m", value_parser = length)]
    quiesce_timeout: Duration,
    /// The folder whose files `name` and `uid` identify the Job of this pod: a later pod of the Job continues the work
    /// of a killed one
    #[arg(long, value_name = "DIR", env = "PRA_JOB", hide = true)]
    job: Option<PathBuf>,
}

impl Quiesce {
    /// Whether this is a restore in a cluster.
    pub(super) fn is_wanted(&self) -> bool {
        self.lease.is_some()
    }

    pub(super) fn run(
        self,
        options: restore::Options,
        point: Option<Point>,
        dry_run: bool,
        approve: Approve<'_>,
    ) -> Result<Answer> {
        let Self { quiesce, suspend, point_from, lease, namespace, quiesce_timeout, job } = self;
        let options = Options {
            restore: options,
            point,
            point_from,
            deployments: quiesce,
            cronjobs: suspend,
            lease: lease.unwrap_or_default(),
            job: identity(job.as_deref())?,
            timeout: quiesce_timeout,
        };
        block_on(async {
            let cluster = Cluster::connect(&Access { namespace, ..Access::default() }).await?;
            if dry_run {
                let preview = quiesce::preview(&cluster, &options).await?;
                return Answer::new(&preview, preview.to_string(), vec![preview.plan.point.clone()]);
            }
            let done = quiesce::run(&cluster, &options, approve, stop_at_signals()?).await?;
            let names = vec![done.report.restore.point.clone()];
            Ok(Answer::new(&done.report, done.report.to_string(), names)?.with_error(done.error))
        })
    }
}

fn deployment(text: &str) -> Result<String, String> {
    name(text, &["deployment", "deployments", "deploy", "deployment.apps"])
}

fn cronjob(text: &str) -> Result<String, String> {
    name(text, &["cronjob", "cronjobs", "cj", "cronjob.batch"])
}

fn configmap(text: &str) -> Result<String, String> {
    name(text, &["configmap", "configmaps", "cm"])
}

/// The name in `KIND/NAME`, with the kind written in one of these ways; kubectl knows the same.
fn name(text: &str, kinds: &[&str]) -> Result<String, String> {
    match text.split_once('/') {
        Some((kind, name)) if kinds.contains(&kind) && !name.is_empty() && !name.contains('/') => Ok(name.to_owned()),
        _ => Err(format!("'{text}' is not of the form {}/NAME", kinds.first().unwrap_or(&"KIND"))),
    }
}

/// The Job, or this process where there is none.
fn identity(job: Option<&Path>) -> Result<Identity> {
    let read = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(e) => Err(Error::io("read", &path, e)),
    };
    if let Some(folder) = job {
        return Ok(Identity { name: read(folder.join("name"))?, uid: read(folder.join("uid"))? });
    }
    let name = read("/proc/sys/kernel/hostname".into())?;
    Ok(Identity { name, uid: format!("{}-{}", std::process::id(), disk::clock::now().as_millisecond()) })
}

/// Becomes true at the first SIGTERM or SIGINT.
fn stop_at_signals() -> Result<watch::Receiver<bool>> {
    let listen = |kind| signal(kind).map_err(|e| Error::new(Code::Failed, "failed to listen for signals").because(e));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("asked to stop: what was stopped is brought back");
        stop.send_replace(true);
    });
    Ok(stopped)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use cluster::jobs::{Change, from_cronjob};
    use k8s_openapi::api::batch::v1::CronJob;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        quiesce: Quiesce,
    }

    #[test]
    fn several_names_stand_in_one_variable_or_in_several_flags() {
        let line = "restore --lease l --quiesce deployment/a,deploy/b --quiesce deployment/c --suspend cj/d";
        let flags = Flags::try_parse_from(line.split(' ')).unwrap().quiesce;
        assert_eq!((flags.quiesce, flags.suspend), (vec!["a".into(), "b".into(), "c".into()], vec!["d".into()]));
    }

    #[test]
    fn names_are_written_as_for_kubectl() {
        assert_eq!(deployment("deploy/events").unwrap(), "events");
        assert_eq!(configmap("cm/restore-point").unwrap(), "restore-point");
        assert_eq!(deployment("pod/events").unwrap_err(), "'pod/events' is not of the form deployment/NAME");
        assert!(deployment("deployment/").is_err());
        assert!(cronjob("cronjob/a/b").is_err());
    }

    #[test]
    fn nothing_is_stopped_without_a_lease_to_remember_it() {
        for flag in ["--quiesce deployment/a", "--suspend cronjob/a", "--point-from configmap/a"] {
            let error = Flags::try_parse_from(format!("restore {flag}").split(' ')).unwrap_err();
            assert!(error.to_string().contains("--lease"), "{error}");
        }
    }

    #[test]
    fn the_restore_template_has_no_argument_that_restore_does_not_take() {
        let template: CronJob = serde_saphyr::from_str(include_str!("../../../k8s/kit/restore.yaml")).unwrap();
        let pod = template.spec.unwrap().job_template.spec.unwrap().template.spec.unwrap();
        let arguments = [vec!["backup-job".to_owned()], pod.containers[0].args.clone().unwrap()].concat();
        crate::cli::Cli::command().try_get_matches_from(arguments).unwrap();
    }

    #[test]
    fn a_job_that_lists_by_that_template_has_no_argument_that_list_does_not_take() {
        let template: CronJob = serde_saphyr::from_str(include_str!("../../../k8s/kit/restore.yaml")).unwrap();
        let args = ["list", "-o", "json"].map(str::to_owned).to_vec();
        let job = from_cronjob(&template, "list-1", &Change { args: Some(args), more: Vec::new() }).unwrap();
        let args = job.spec.unwrap().template.spec.unwrap().containers.remove(0).args.unwrap();
        crate::cli::Cli::command().try_get_matches_from([vec!["backup-job".to_owned()], args].concat()).unwrap();
    }
}
