use disk::catalog;
use engine::verify::points::{self, Outcome};
use engine::verify::replicas;
use jiff::Timestamp;
use pra_core::point::Point;
use pra_core::{Code, Error, Result};
use serde::Serialize;

use super::args::{Adopt, Backups, Database, Format, Output, ReadReplicas, Wait};
use super::output::{self, Answer};

/// Reads restore points back: checksum, integrity_check, content against the catalog
///
/// Without a point: all backups, and the newest state of each replica, which is fetched beside the database and removed
/// again. Findings about backups are recorded in the catalog. A file that the catalog does not know is read only if it
/// is named, and recorded with --adopt-backups. Encrypted files are decrypted with an identity; without one their
/// encrypted bytes are compared, which shows damage, and they are not recorded as verified.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job verify latest backup-2025-01-10-12-00.db\n  \
    backup-job verify --identity pra.key --replica s3://bucket/events")]
pub(super) struct Args {
    /// latest, a file's name, an instant such as 2025-01-10T12:00:00Z, an age such as 15m, or EPOCH/TXID of a replica
    #[arg(value_name = "POINT")]
    points: Vec<Point>,
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
    #[command(flatten)]
    replicas: ReadReplicas,
}

#[derive(Debug, Serialize)]
struct Verified {
    point: String,
    source: String,
    /// Instant of the restore point, where it is known.
    created_at: Option<Timestamp>,
    verified: bool,
    seconds: f64,
    error: Option<String>,
    /// What SQLite's checks report that is not damage.
    warnings: Vec<String>,
    encrypted: bool,
    /// Why an encrypted one was not opened.
    unopened: Option<String>,
    #[serde(skip)]
    code: Option<Code>,
    /// Whether the catalog does not know it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unknown: bool,
    /// In the backup folder, and not in a replica.
    #[serde(skip)]
    is_backup: bool,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { points, backups, database, adopt, replicas, yes: _, output: _, wait } = self;
        let keys = replicas.keys()?;
        let given = keys.given();
        let now = disk::clock::now();
        let access = replicas.access(&keys, &backups.backups)?;
        let mut verified = Vec::new();
        // Transactions are the replicas' alone.
        let (of_replicas, of_backups): (Vec<Point>, Vec<Point>) =
            points.iter().cloned().partition(|point| matches!(point, Point::Transaction(..)));
        if of_replicas.is_empty() || !of_backups.is_empty() {
            let options = points::Options {
                backups: backups.backups,
                points: of_backups,
                keys,
                database: database.database.clone(),
                wait: wait.wait,
                now,
                adopt_backups: adopt.adopt_backups,
            };
            let outcomes = catalog::unless_away(points::run(&options), access.is_some())?;
            verified.extend(outcomes.iter().flatten().map(of_backup));
        }
        if let Some(access) = access {
            let options = replicas::Options { access, points, database: database.database, now };
            verified.extend(replicas::run(&options)?.iter().map(of_replica));
        }
        let rows = verified.iter().map(|row| {
            let at = row.created_at.map(|at| format!("{at:.0}"));
            [row.point.clone(), row.source.clone(), output::or_dash(at), format!("{:.2} s", row.seconds), state(row)]
        });
        let table = output::table(["POINT", "SOURCE", "INSTANT", "TOOK", "STATE"], rows);
        let names = verified.iter().filter(|row| row.verified).map(|row| row.point.clone()).collect();
        let damaged = verified.iter().filter(|row| row.error.is_some()).count();
        let unopened = verified.iter().filter(|row| row.unopened.is_some()).count();
        let all_are = |code| verified.iter().filter_map(|row| row.code).all(|one| one == code);
        let error = if damaged > 0 && all_are(Code::Usage) {
            Some(
                Error::new(Code::Usage, format!("{damaged} of {} sources are not what they should be", verified.len()))
                    .hint("each says above what it is, and what to do"),
            )
        } else if damaged > 0 && all_are(Code::OutOfReach) {
            Some(
                Error::new(Code::OutOfReach, format!("{damaged} of {} sources are out of reach", verified.len()))
                    .hint("remove what blocks it, and run this again"),
            )
        } else if damaged > 0 {
            Some(
                Error::new(
                    Code::Damaged,
                    format!("{damaged} of {} restore points are damaged", verified.len()),
                )
                .hint(match verified.iter().all(|row| row.error.is_none() || !row.is_backup) {
                    true => "what a replica lacks or has damaged is named above: restore from another source, or let a \
                             replicator begin an epoch there with --new-epoch",
                    false => "damaged backups are never chosen unless they are named; remove them when they are no longer of use",
                }),
            )
        } else {
            (given && unopened > 0).then(|| {
                Error::new(
                    Code::Usage,
                    format!("the identity does not open {unopened} of {} restore points", verified.len()),
                )
                .hint("they were encrypted for others: one file may hold several identities, a line each")
            })
        };
        Ok(Answer::new(&verified, table, names)?.with_error(error))
    }
}

fn state(row: &Verified) -> String {
    let state = match (&row.error, &row.unopened, row.encrypted) {
        (Some(error), _, _) => error.clone(),
        (None, Some(why), _) => format!("not opened: {why}"),
        (None, None, true) => "verified, encrypted".to_owned(),
        (None, None, false) => "verified".to_owned(),
    };
    let state = if row.unknown { format!("{state}; the catalog does not know it") } else { state };
    row.warnings.iter().fold(state, |state, warning| format!("{state}; warning: {warning}"))
}

fn of_backup(outcome: &Outcome) -> Verified {
    Verified {
        point: outcome.file.clone(),
        source: outcome.kind.source().to_owned(),
        created_at: Some(outcome.created_at),
        verified: outcome.is_verified(),
        seconds: outcome.seconds,
        error: outcome.error.as_ref().map(ToString::to_string),
        warnings: outcome.warnings.clone(),
        encrypted: outcome.encrypted,
        unopened: outcome.unopened.as_ref().map(Error::chain),
        code: outcome.error.as_ref().map(Error::code),
        unknown: outcome.unknown,
        is_backup: true,
    }
}

fn of_replica(outcome: &replicas::Outcome) -> Verified {
    Verified {
        point: outcome.point.clone(),
        source: outcome.replica.clone(),
        created_at: outcome.at,
        verified: outcome.error.is_none() && outcome.unopened.is_none(),
        seconds: outcome.seconds,
        error: outcome.error.as_ref().map(Error::chain),
        warnings: outcome.warnings.clone(),
        encrypted: outcome.encrypted,
        unopened: outcome.unopened.as_ref().map(Error::chain),
        code: outcome.error.as_ref().map(Error::code),
        unknown: false,
        is_backup: false,
    }
}
