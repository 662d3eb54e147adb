use std::path::PathBuf;

use clap::ValueEnum;
use cluster::jobs::Change;
use drill::pod_crash::How;
use drill::report::Report;
use drill::volume_loss::By;
use pra_core::{Code, Error, Result};
use program::drill_answer::answer;
use program::output::{self, Answer};

use super::cli::Common;
use super::cluster_loss::ClusterLoss;
use super::follow::{Keep, follow};

/// Makes a disaster on purpose, and measures the recovery
///
/// Only in a namespace that carries the annotation mini-pra/allow-drills: "true".
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kubectl pra drill pod-crash -n pra\n  \
    kubectl pra drill volume-loss -n pra --by init --yes --svg drill.svg -- --rate 50\n  \
    kubectl pra drill cluster-loss -n pra --manifests k8s/overlays/s3 --identity pra.key --svg drill.svg")]
pub(crate) struct Args {
    /// The disaster
    #[arg(value_enum)]
    kind: Kind,
    /// pod-crash: how the pod dies [default: delete]
    #[arg(long, value_enum)]
    how: Option<How>,
    /// volume-loss: what brings the data back [default: restore]
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Draw the timeline into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    cluster_loss: ClusterLoss,
    /// More flags of `backup-job drill`
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A pod dies
    PodCrash,
    /// The data volume is lost, with all that is on it
    VolumeLoss,
    /// Wrong data is written
    BadWrite,
    /// The namespace is lost, with all volumes and backups: it needs a replica
    ClusterLoss,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::PodCrash => "pod-crash",
            Self::VolumeLoss => "volume-loss",
            Self::BadWrite => "bad-write",
            Self::ClusterLoss => "cluster-loss",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::PodCrash => "This kills a pod of the application",
            Self::VolumeLoss => "This deletes the data volume; what no backup and no replica has yet is lost",
            Self::BadWrite => "This damages the data and restores the state before; what came after it is lost",
            Self::ClusterLoss => "This deletes the namespace, its volumes and its backups; only the replica is left",
        }
    }
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let Self { kind, how, by, svg, yes, keep, cluster_loss, flags } = self;
        let (cluster, kit) = common.kit().await?;
        if let Kind::ClusterLoss = kind {
            if !flags.is_empty() || how.is_some() || by.is_some() {
                return Err(Error::new(Code::Usage, "cluster-loss takes no flags of the other drills")
                    .hint("it runs here and not in a Job: see `kubectl pra drill --help`"));
            }
            let prepared = cluster_loss.prepare(cluster, common.access(), Some(kit.app)).await?;
            if !yes {
                eprintln!("{}", prepared.plan());
                output::confirm(kind.consequence())?;
            }
            return answer(&prepared.apply().await?, svg.as_deref());
        }
        if !cluster_loss.is_empty() {
            return Err(Error::new(
                Code::Usage,
                "--manifests, --identity, --url and --api-token-file are for cluster-loss",
            )
            .hint("flags of `backup-job drill` go after --"));
        }
        let template = kit.drill.as_ref().ok_or_else(|| {
            Error::new(Code::Usage, format!("drills of '{}' are not installed", kit.app))
                .hint("k8s/components/drills has the template, and the annotation that allows them")
        })?;
        if !yes {
            output::confirm(kind.consequence())?;
        }
        let how = how.map(|how| ["--how", how.name()]);
        let by = by.map(|by| ["--by", by.name()]);
        let words = ["drill", kind.word()].into_iter().chain(how.into_iter().flatten()).chain(by.into_iter().flatten());
        let args = words.map(str::to_owned).chain(flags).collect();
        let change = Change { args: Some(args), more: Vec::new() };
        let report: Report = follow(&cluster, template, "drill", change, keep).await?;
        answer(&report, svg.as_deref())
    }
}
