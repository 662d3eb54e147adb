use engine::prune::{self, Fate};
use pra_core::Result;

use super::args::{Adopt, Backups, Database, Format, Output, Retention, Wait};
use super::output::{self, Answer};

/// Applies the retention rules to the backup folder
///
/// The last verified backup and files that the catalog does not know are never removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job prune --keep-hourly 24 --keep-daily 31 --dry-run")]
pub(super) struct Args {
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    adopt: Adopt,
    /// Do not ask on a terminal
    #[arg(long, hide = true)]
    yes: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
    /// Say what would be removed, and remove nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    #[command(flatten)]
    retention: Retention,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { backups, database, adopt, yes: _, output: _, wait, dry_run, retention } = self;
        let fates = prune::run(&prune::Options {
            database: database.database,
            backups: backups.backups,
            keep: retention.keep()?,
            wait: wait.wait,
            now: disk::clock::now(),
            dry_run,
            adopt_backups: adopt.adopt_backups,
        })?;
        let rows = fates.iter().map(|Fate { file, keep, reasons }| {
            let fate = match (keep, dry_run) {
                (true, _) => "kept",
                (false, true) => "would go",
                (false, false) => "removed",
            };
            [file.clone(), fate.to_owned(), reasons.join(", ")]
        });
        let table = output::table(["FILE", "FATE", "BY"], rows);
        let names = fates.iter().filter(|fate| !fate.keep).map(|fate| fate.file.clone()).collect();
        Answer::new(&fates, table, names)
    }
}
