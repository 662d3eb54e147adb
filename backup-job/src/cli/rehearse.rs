use std::path::PathBuf;

use disk::catalog::status::{Outcome, Rehearsal};
use disk::files;
use engine::rehearse;
use pra_core::{Code, Error, Result};
use serde::Serialize;

use super::args::{Backups, Database, Format, Output, ReadReplicas, Wait};
use super::output::{self, Answer};

/// Restores the newest point of every source into scratch space, verifies it, and records how long it took
///
/// The sources are the backups and every replica; each is restored as after a disaster. The database itself is not
/// touched. An encrypted source needs an identity; without one its files are checked as far as possible, and it counts
/// as not rehearsed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job rehearse\n  \
    backup-job rehearse --replica s3://bucket/events --identity pra.key --scratch /scratch -o json")]
pub(super) struct Args {
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    database: Database,
    /// Do not ask on a terminal
    #[arg(long, hide = true)]
    yes: bool,
    /// A folder with room for the whole database, which no other user can read; nothing stays there [default: the
    /// database's folder]
    #[arg(long, value_name = "DIR", env = "PRA_SCRATCH")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    replicas: ReadReplicas,
}

#[derive(Debug, Serialize)]
struct Rehearsed<'a> {
    #[serde(flatten)]
    rehearsal: &'a Rehearsal,
    good: bool,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { backups, database, yes: _, replicas, scratch, output: _, wait } = self;
        let keys = replicas.keys()?;
        let rehearsals = rehearse::run(&rehearse::Options {
            access: replicas.access(&keys, &backups.backups)?,
            keys,
            backups: backups.backups,
            scratch: scratch.unwrap_or_else(|| files::folder_of(&database.database).to_owned()),
            database: database.database,
            wait: wait.wait,
            now: disk::clock::now(),
        })?;
        let rows = rehearsals.iter().map(|row| {
            let state = row.error.clone().unwrap_or_else(|| "good".to_owned());
            let size = row.bytes.map(disk::progress::size);
            [
                row.source.clone(),
                output::or_dash(row.point.as_ref()),
                output::or_dash(row.point_at.map(|at| format!("{at:.0}"))),
                format!("{:.2} s", row.seconds),
                output::or_dash(size),
                output::or_dash(row.events),
                state,
            ]
        });
        let table = output::table(["SOURCE", "POINT", "INSTANT", "TOOK", "SIZE", "EVENTS", "STATE"], rows);
        let reports: Vec<_> = rehearsals
            .iter()
            .map(|rehearsal| Rehearsed { rehearsal, good: rehearsal.outcome == Outcome::Good })
            .collect();
        let good = rehearsals.iter().filter(|row| row.outcome == Outcome::Good).map(|row| row.source.clone()).collect();
        let failed: Vec<&str> =
            rehearsals.iter().filter(|row| row.outcome == Outcome::Failed).map(|row| row.source.as_str()).collect();
        let error = (!failed.is_empty()).then(|| {
            Error::new(Code::Damaged, format!("could not restore from {}", failed.join(", ")))
                .hint("docs/runbook/rehearsal-failed.md says what to look at; do not wait for the disaster")
        });
        Ok(Answer::new(&reports, table, good)?.with_error(error))
    }
}
