use cluster::jobs::Change;
use engine::listing::Listed;
use pra_core::Result;
use program::listing;
use program::output::Answer;

use super::cli::Common;
use super::follow::{Keep, follow};

/// Lists the restore points, newest first
///
/// The backups are on a volume in the cluster: a Job reads them there, and with --replicas the replicas as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kubectl pra list -n pra --replicas")]
pub(crate) struct Args {
    /// Also list what the replicas can restore; if they are encrypted, the Secret with the identity must exist
    #[arg(long)]
    replicas: bool,
    #[command(flatten)]
    keep: Keep,
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let (cluster, kit) = common.kit().await?;
        let args = ["list", "-o", "json"].map(str::to_owned).to_vec();
        let change = Change { args: Some(args), more: Vec::new() };
        // Only restores have what reads a replica.
        let template = if self.replicas { &kit.restore } else { &kit.backup };
        let listed: Vec<Listed> = follow(&cluster, template, "list", change, self.keep).await?;
        listing::answer(&listed)
    }
}
