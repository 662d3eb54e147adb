use engine::backup;
use pra_core::Result;

use super::args::{Adopt, Backups, Database, Encrypting, Format, Output, Retention, Wait};
use super::output::Answer;

/// Makes one consistent, verified copy in the backup folder, then prunes
///
/// If the database is unchanged, the new backup is a hard link to the previous one. With recipients it is an age file,
/// `….db.age`, and no plaintext is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job backup --database /data/app.db --backups /backup -o json")]
pub(super) struct Args {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    adopt: Adopt,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    encrypting: Encrypting,
    /// Copy and verify, but publish and remove nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    /// Remove nothing afterwards
    #[arg(long, env = "PRA_NO_PRUNE")]
    no_prune: bool,
    #[command(flatten)]
    retention: Retention,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { database, backups, adopt, output: _, wait, encrypting, dry_run, no_prune, retention } = self;
        let keep = retention.keep()?;
        let report = backup::take(&backup::Options {
            database: database.database,
            backups: backups.backups,
            keep: (!no_prune).then_some(keep),
            wait: wait.wait,
            now: disk::clock::now(),
            dry_run,
            recipients: encrypting.recipients()?,
            adopt_backups: adopt.adopt_backups,
        })?;
        let mut words = report.to_string();
        if dry_run {
            words.push_str(" (dry run: nothing was published)");
        }
        Answer::new(&report, words, vec![report.file.clone()])
    }
}
