use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use cluster::Cluster;
use cluster::client::{Access, block_on};
use drill::http::Token;
use drill::pod_crash::How;
use drill::record::record;
use drill::volume_loss::By;
use drill::{self, Options, Plan, Scenario};
use pra_core::Result;
use program::drill_answer::answer;
use serde::Serialize;

use super::args::{Format, Output, length};
use super::output::{self, Answer};

/// Makes a disaster in a cluster on purpose, and measures what it costs
///
/// Writes events all the time, makes the disaster, brings the application back, reads all events back, and reports
/// RTO, RPO, and each event that is lost. Only in a namespace with the annotation mini-pra/allow-drills: "true".
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job drill pod-crash --namespace pra --dry-run\n  \
    backup-job drill volume-loss --by init --yes -o json --svg drill.svg")]
pub(super) struct Args {
    /// Which disaster
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// pod-crash: how the pod dies
    #[arg(long, value_enum, env = "PRA_HOW", default_value = "delete")]
    how: How,
    /// volume-loss: what brings the data back
    #[arg(long, value_enum, env = "PRA_BY", default_value = "restore")]
    by: By,
    /// The application; needed if several are protected in the namespace
    #[arg(long, value_name = "NAME", env = "PRA_APP")]
    app: Option<String>,
    /// The URL of the application; http://APP by default, as in the cluster
    #[arg(long, value_name = "URL", env = "PRA_URL")]
    url: Option<String>,
    /// Read the application's api_token from this file; without it, it is what PRA_API_TOKEN holds
    #[arg(long, value_name = "FILE", env = "PRA_API_TOKEN_FILE")]
    api_token_file: Option<PathBuf>,
    /// The namespace; the context's or the pod's own by default
    #[arg(short, long, value_name = "NAME", env = "PRA_NAMESPACE")]
    namespace: Option<String>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME", env = "PRA_CONTEXT")]
    context: Option<String>,
    /// The kubeconfig; as for kubectl by default
    #[arg(long, value_name = "FILE", env = "PRA_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// Writes per second
    #[arg(long, value_name = "N", env = "PRA_RATE", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Reuse connections, and count those that are cut separately
    #[arg(long, env = "PRA_KEEP_ALIVE")]
    keep_alive: bool,
    /// How long to write before the disaster
    #[arg(long, value_name = "TIME", env = "PRA_BEFORE", default_value = "5s", value_parser = length)]
    before: Duration,
    /// How long to write after the recovery
    #[arg(long, value_name = "TIME", env = "PRA_AFTER", default_value = "5s", value_parser = length)]
    after: Duration,
    /// Longest wait for one step
    #[arg(long, value_name = "TIME", env = "PRA_LIMIT", default_value = "2m", value_parser = length)]
    limit: Duration,
    /// Record the outcome in the catalog of this backup folder; without this flag it is not recorded
    #[arg(long, value_name = "DIR", env = "PRA_BACKUPS")]
    backups: Option<PathBuf>,
    /// Draw the course of the drill into this file
    #[arg(long, value_name = "FILE", env = "PRA_SVG")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Say what would be done, and change nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    /// Do not ask on a terminal
    #[arg(long, env = "PRA_YES")]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A pod dies
    PodCrash,
    /// The data volume is gone
    VolumeLoss,
    /// Wrong data was written
    BadWrite,
    /// No disaster: undoes the changes that a killed drill has left
    PutBack,
}

#[derive(Debug, Serialize)]
struct Planned<'a> {
    plan: &'a Plan,
}

#[derive(Debug, Serialize)]
struct PutBack {
    put_back: Option<String>,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { kind, how, by, app, url, api_token_file, namespace, context, kubeconfig, rate, .. } = self;
        let access = Access { kubeconfig, context, namespace };
        let Self { keep_alive, before, after, limit, backups, svg, output, dry_run, yes, .. } = self;
        let scenario = match kind {
            Kind::PodCrash => Scenario::PodCrash(how),
            Kind::VolumeLoss => Scenario::VolumeLoss(by),
            Kind::BadWrite => Scenario::BadWrite,
            Kind::PutBack => return put_back(&access, app.as_deref(), limit),
        };
        let token = Token::find(api_token_file.as_deref())?;
        let rebuild = None;
        let options = Options { scenario, app, url, token, rate, keep_alive, before, after, limit, rebuild };
        block_on(async {
            let prepared = drill::prepare(Cluster::connect(&access).await?, options).await?;
            let plan = prepared.plan();
            if dry_run {
                return Answer::new(&Planned { plan }, plan.to_string(), vec![plan.drill.to_owned()]);
            }
            if output.output == Format::Table {
                eprintln!("{plan}");
            }
            // A Job has no terminal and is not asked.
            if !yes && std::io::stdin().is_terminal() {
                output::confirm("This makes a disaster")?;
            }
            let report = prepared.apply().await?;
            // What it found is worth more than that it was noted down.
            if let Some(folder) = &backups
                && let Err(error) = record(folder, &report)
            {
                tracing::warn!(error = error.chain(), "the outcome is not in the catalog");
            }
            answer(&report, svg.as_deref())
        })
    }
}

fn put_back(access: &Access, app: Option<&str>, limit: Duration) -> Result<Answer> {
    block_on(async {
        let put_back = drill::put_back(&Cluster::connect(access).await?, app, limit).await?;
        let words = match &put_back {
            Some(id) => format!("what drill {id} had left is put back"),
            None => "no drill has left anything".to_owned(),
        };
        let names = put_back.iter().cloned().collect();
        Answer::new(&PutBack { put_back }, words, names)
    })
}
