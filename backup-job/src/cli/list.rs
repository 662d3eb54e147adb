use pra_core::Result;
use program::listing;

use super::args::{Backups, Format, Ignored, Output, ReadReplicas};
use super::output::Answer;

/// Lists the restore points, newest first
///
/// Safety copies of restores are listed too; they are restored only if they are named. For a replica its windows are
/// listed: each instant from a window's first to its last can be restored.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job list --backups /backup")]
pub(super) struct Args {
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    ignored: Ignored,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    replicas: ReadReplicas,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { backups, ignored: _, output: _, replicas } = self;
        let now = disk::clock::now();
        let Some(access) = replicas.access(&replicas.keys()?, &backups.backups)? else {
            return listing::answer(&engine::listing::list(&backups.backups, now)?);
        };
        let listing = engine::listing::list_with_replicas(&backups.backups, &access, replicas.accept_unreachable, now)?;
        let error = engine::listing::left_out(listing.troubles, access.replicas.len());
        match error {
            // Nothing at all: there is no answer beside it.
            Some(error) if listing.points.is_empty() => Err(error),
            error => Ok(listing::answer(&listing.points)?.with_error(error)),
        }
    }
}
