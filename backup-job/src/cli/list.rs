use backup_job::error::Result;
use backup_job::listing;

use super::args::{Backups, Format, Ignored, Output};
use super::output::Answer;

/// Lists the restore points, newest first
///
/// Safety copies of restores are listed too; they are restored only where they are named.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job list --backups /backup")]
pub(super) struct Args {
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    ignored: Ignored,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { backups, ignored: _, output: _ } = self;
        listing::answer(&listing::list(&backups.backups, jiff::Timestamp::now())?)
    }
}
