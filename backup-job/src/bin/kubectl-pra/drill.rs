use std::path::PathBuf;

use backup_job::cluster::jobs::Change;
use backup_job::drill::answer::answer;
use backup_job::drill::pod_crash::How;
use backup_job::drill::report::Report;
use backup_job::drill::volume_loss::By;
use backup_job::error::{Code, Error, Result};
use backup_job::output::{self, Answer};
use clap::ValueEnum;

use crate::cli::Common;
use crate::follow::{Keep, follow};

/// Makes a disaster on purpose, and measures the recovery
///
/// Only in a namespace that carries the annotation mini-pra/allow-drills: "true".
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kubectl pra drill pod-crash -n pra\n  \
    kubectl pra drill volume-loss -n pra --by init --yes --svg drill.svg -- --rate 50")]
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
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::PodCrash => "pod-crash",
            Self::VolumeLoss => "volume-loss",
            Self::BadWrite => "bad-write",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Self::PodCrash => "This kills a pod of the application",
            Self::VolumeLoss => "This deletes the data volume; what came after the last backup is lost",
            Self::BadWrite => "This damages the data and restores a backup; what came after it is lost",
        }
    }
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let Self { kind, how, by, svg, yes, keep, flags } = self;
        let (cluster, kit) = common.kit().await?;
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
        let change = Change { args: Some(args), env: Vec::new() };
        let report: Report = follow(&cluster, template, "drill", change, keep).await?;
        answer(&report, svg.as_deref())
    }
}
