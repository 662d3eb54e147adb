use backup_job::error::{Code, Error, Result};
use backup_job::model::point::Point;
use backup_job::verify::points::{self, Outcome};
use serde::Serialize;

use super::args::{Backups, Format, Ignored, Output, Wait};
use super::output::{self, Answer};

/// Reads restore points back: checksum, integrity_check, content against the catalog
///
/// All of them where none is named. What is found is recorded in the catalog.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job verify latest backup-2025-01-10-12-00.db")]
pub(super) struct Args {
    /// latest, a file's name, an instant such as 2025-01-10T12:00:00Z, or an age such as 15m
    #[arg(value_name = "POINT")]
    points: Vec<Point>,
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    ignored: Ignored,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Serialize)]
struct Verified {
    point: String,
    source: &'static str,
    verified: bool,
    seconds: f64,
    error: Option<String>,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { points, backups, ignored: _, output: _, wait } = self;
        let outcomes = points::run(&points::Options {
            backups: backups.backups,
            points,
            wait: wait.wait,
            now: jiff::Timestamp::now(),
        })?;
        let verified: Vec<Verified> = outcomes.iter().map(verified).collect();
        let rows = verified.iter().map(|row| {
            let state = row.error.clone().unwrap_or_else(|| "verified".to_owned());
            [row.point.clone(), row.source.to_owned(), format!("{:.2} s", row.seconds), state]
        });
        let table = output::table(["POINT", "SOURCE", "TOOK", "STATE"], rows);
        let names = verified.iter().filter(|row| row.verified).map(|row| row.point.clone()).collect();
        let damaged = verified.iter().filter(|row| !row.verified).count();
        let error = (damaged > 0).then(|| {
            Error::new(Code::VerificationFailed, format!("{damaged} of {} restore points are damaged", verified.len()))
                .hint("they are never chosen unless they are named; remove them when they are no longer of use")
        });
        Ok(Answer::new(&verified, table, names)?.with_error(error))
    }
}

fn verified(outcome: &Outcome) -> Verified {
    Verified {
        point: outcome.file.clone(),
        source: outcome.kind.source(),
        verified: outcome.error.is_none(),
        seconds: outcome.seconds,
        error: outcome.error.as_ref().map(ToString::to_string),
    }
}
