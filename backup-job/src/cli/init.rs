use std::path::{Path, PathBuf};

use engine::init::{self, Outcome, Report};
use pra_core::{Error, Result};

use super::args::{Adopt, Backups, Database, Format, Output, ReadReplicas, Wait};
use super::output::Answer;

/// Makes the database exist: kept, restored from the newest verified backup, or new
///
/// A database with tables is kept. A missing or empty one is restored. If the backup folder holds no backup at all,
/// --schema makes it, or the application does. Runs before the application starts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job init --database /data/app.db --backups /backup")]
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
    /// The schema of a new database if there is no backup: `events` for the tables of the event application, or a file
    /// with SQL. Without this flag the application makes its own tables
    #[arg(long, value_name = "events|FILE", env = "PRA_SCHEMA")]
    schema: Option<PathBuf>,
    /// Do not switch a database that is kept to WAL mode
    #[arg(long, env = "PRA_KEEP_JOURNAL_MODE")]
    keep_journal_mode: bool,
    /// This is the first start: if the backups and the replicas are all empty, make the database. Without this flag
    /// that is an error, since the bucket may be mistyped
    #[arg(long, env = "PRA_FIRST_INSTALL")]
    first_install: bool,
    /// If the newest backup is damaged, restore an older one and lose the changes in between
    #[arg(long, env = "PRA_ACCEPT_OLDER")]
    accept_older: bool,
    /// Say what would be done, and change nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    #[command(flatten)]
    replicas: ReadReplicas,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self {
            database,
            backups,
            adopt,
            output: _,
            wait,
            schema,
            keep_journal_mode,
            first_install,
            replicas,
            accept_older,
            dry_run,
        } = self;
        let schema = match schema {
            Some(name) if name == Path::new("events") => Some(init::EVENTS_SCHEMA.to_owned()),
            Some(path) => Some(std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?),
            None => None,
        };
        let keys = replicas.keys()?;
        tracing::info!(
            database = %database.database.display(),
            backups = %backups.backups.display(),
            replicas = replicas.names()?,
            identity = keys.given(),
            "deciding with these sources"
        );
        let report = init::run(&init::Options {
            database: database.database,
            access: replicas.access(&keys, &backups.backups)?,
            backups: backups.backups,
            schema,
            keep_journal_mode,
            accept_older,
            wait: wait.wait,
            now: disk::clock::now(),
            dry_run,
            keys,
            accept_unreachable: replicas.accept_unreachable,
            first_install,
            adopt_backups: adopt.adopt_backups,
        })?;
        Answer::new(&report, words(&report, dry_run), vec![report.database.display().to_string()])
    }
}

fn words(report: &Report, dry_run: bool) -> String {
    let database = report.database.display();
    let events = report.events.map(|events| format!(", {events} events")).unwrap_or_default();
    let mut text = match report.outcome {
        Outcome::Kept => format!("kept {database}{events}"),
        Outcome::Created => format!("created {database}"),
        Outcome::Left => format!("no backup yet: the application makes {database}"),
        Outcome::Restored => {
            let point = report.point.as_deref().unwrap_or("-");
            let reached = report.reached.as_deref().unwrap_or("-");
            format!("restored {database} from {point} ({reached}){events}")
        }
    };
    if dry_run {
        text.push_str(" (dry run: nothing was changed)");
    }
    for skipped in &report.skipped {
        text.push_str(&format!("\npassed over {}: {}", skipped.file, skipped.error));
    }
    for warning in &report.warnings {
        text.push_str(&format!("\nwarning: {warning}"));
    }
    text
}
