use cluster::protect::{Target, remove};
use pra_core::Result;
use program::output::{self, Answer};

use super::cli::Common;
use super::protect::changed;

/// Removes what `protect` added
///
/// The Deployment is as before, and the kit is removed. The volume with the backups is kept by default.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kubectl pra unprotect deployment/notes -n notes --yes")]
pub(crate) struct Args {
    /// deployment/NAME or spinapp/NAME
    target: Target,
    /// Delete the volume with the backups too
    #[arg(long)]
    delete_backups: bool,
    /// Ask the API server what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let Self { target, delete_backups, dry_run, yes } = self;
        let cluster = common.cluster().await?;
        if !yes && !dry_run {
            let backups = if delete_backups { "; all its backups are deleted" } else { "" };
            output::confirm(&format!("{target} is then no longer protected{backups}"))?;
        }
        changed(&remove::remove(&cluster, &target.name, delete_backups, dry_run).await?, dry_run)
    }
}
