use cluster::jobs::Change;
use engine::backup::Report;
use pra_core::Result;
use program::output::Answer;

use super::cli::Common;
use super::follow::{Keep, follow};

/// Makes a backup now
///
/// A Job from the backups' CronJob, as `kubectl create job --from=cronjob/…` makes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kubectl pra backup -n pra")]
pub(crate) struct Args {
    /// Copy and verify, but publish and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    keep: Keep,
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let Self { dry_run, keep } = self;
        let (cluster, kit) = common.kit().await?;
        let more = dry_run.then(|| "--dry-run".to_owned());
        let change = Change { args: None, more: more.into_iter().collect() };
        let report: Report = follow(&cluster, &kit.backup, "backup", change, keep).await?;
        let mut words = report.to_string();
        if dry_run {
            words.push_str(" (dry run: nothing was published)");
        }
        Answer::new(&report, words, vec![report.file.clone()])
    }
}
