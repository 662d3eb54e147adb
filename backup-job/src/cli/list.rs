use backup_job::catalog::Catalog;
use backup_job::error::Result;
use backup_job::model::naming::Kind;
use backup_job::model::restore_point::RestorePoint;
use jiff::Timestamp;
use serde::Serialize;

use super::args::{Backups, Format, Ignored, Output};
use super::output::{self, Answer};

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

#[derive(Debug, Serialize)]
struct Listed {
    point: String,
    source: &'static str,
    created_at: Timestamp,
    age_seconds: u64,
    bytes: u64,
    events: Option<u64>,
    verified: bool,
    unchanged_since: Option<String>,
    error: Option<String>,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { backups, ignored: _, output: _ } = self;
        let now = Timestamp::now();
        let catalog = Catalog::read(&backups.backups)?;
        let listed: Vec<Listed> = catalog.points().iter().map(|point| listed(point, now)).collect();
        let rows = listed.iter().map(|row| {
            [
                row.point.clone(),
                row.source.to_owned(),
                age(row.age_seconds),
                output::size(row.bytes),
                output::or_dash(row.events),
                state(row),
            ]
        });
        let table = if listed.is_empty() {
            "no restore points yet".to_owned()
        } else {
            output::table(["POINT", "SOURCE", "AGE", "SIZE", "EVENTS", "STATE"], rows)
        };
        let names = listed.iter().map(|row| row.point.clone()).collect();
        Answer::new(&listed, table, names)
    }
}

fn listed(point: &RestorePoint, now: Timestamp) -> Listed {
    Listed {
        point: point.file.clone(),
        source: source(point.kind),
        created_at: point.created_at,
        age_seconds: point.age(now).as_secs(),
        bytes: point.bytes,
        events: point.events,
        verified: point.is_verified(),
        unchanged_since: point.unchanged_since.clone(),
        error: point.error.clone(),
    }
}

/// Where a restore point comes from, as the outputs name it.
pub(super) fn source(kind: Kind) -> &'static str {
    match kind {
        Kind::Backup => "backup",
        Kind::PreRestore => "safety-copy",
    }
}

fn state(row: &Listed) -> String {
    match (&row.error, row.verified, &row.unchanged_since) {
        (Some(error), _, _) => format!("damaged: {error}"),
        (None, false, _) => "not verified".to_owned(),
        (None, true, Some(since)) => format!("verified, same as {since}"),
        (None, true, None) => "verified".to_owned(),
    }
}

fn age(seconds: u64) -> String {
    backup_job::model::age::display(std::time::Duration::from_secs(seconds))
}
