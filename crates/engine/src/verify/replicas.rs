//! Verifies restore points of replicas: fetches them beside the database, checks all, and removes them again.

use std::path::PathBuf;
use std::time::Instant;

use disk::stop;
use jiff::Timestamp;
use pra_core::point::Point;
use pra_core::{Code, Error, Result};

use super::points::no_such_point_in;
use crate::remote::{self, Access, Choice};
use crate::restore;

/// What to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The replicas.
    pub access: Access,
    /// Which points of each; none means the newest.
    pub points: Vec<Point>,
    /// The database, beside which they are fetched.
    pub database: PathBuf,
    /// The time now.
    pub now: Timestamp,
}

/// The outcome of one restore point of one replica.
#[derive(Debug)]
pub struct Outcome {
    /// What `--point` takes; as asked where there is no such.
    pub point: String,
    /// The replica.
    pub replica: String,
    /// Its instant, where it is there.
    pub at: Option<Timestamp>,
    /// How long it took.
    pub seconds: f64,
    /// Whether its files are encrypted, where that is known.
    pub encrypted: bool,
    /// What is wrong with it.
    pub error: Option<Error>,
    /// Why it was not opened; its files are all there then.
    pub unopened: Option<Error>,
    /// What SQLite's checks report that is not damage.
    pub warnings: Vec<String>,
}

/// Verifies each point in each replica. It does not look at the backup folder.
///
/// # Errors
/// Errors that concern no single replica; the result of each replica is an [`Outcome`].
pub fn run(options: &Options) -> Result<Vec<Outcome>> {
    let newest = [Point::Latest];
    let points = if options.points.is_empty() { &newest[..] } else { &options.points };
    let points: Vec<&Point> = points.iter().filter(|point| !matches!(point, Point::File(_))).collect();
    let replicas = options.access.replicas.iter();
    replicas
        .flat_map(|url| points.iter().map(move |point| (url.clone(), *point)))
        .map(|(url, point)| {
            stop::check()?;
            let only = options.access.only(&url);
            Ok(one(options, &only, &url.to_string(), point))
        })
        .collect()
}

fn one(options: &Options, only: &Access, replica: &str, point: &Point) -> Outcome {
    let started = Instant::now();
    let verified = verify(options, only, replica, point);
    let mut outcome = Outcome {
        point: point.to_string(),
        replica: replica.to_owned(),
        at: None,
        seconds: started.elapsed().as_secs_f64(),
        encrypted: false,
        error: None,
        unopened: None,
        warnings: Vec::new(),
    };
    match verified {
        Ok((choice, warnings)) => {
            (outcome.point, outcome.at, outcome.encrypted) = (choice.name(), Some(choice.at), choice.is_encrypted());
            outcome.warnings = warnings;
        }
        Err(error) if error.code() == Code::Usage && !only.keys.given() => match remote::check_unopened(only) {
            Ok(_) => (outcome.encrypted, outcome.unopened) = (true, Some(error)),
            Err(error) => outcome.error = Some(error),
        },
        Err(error) => outcome.error = Some(error),
    }
    outcome
}

fn verify(options: &Options, only: &Access, replica: &str, point: &Point) -> Result<(Choice, Vec<String>)> {
    let choice = restore::newest(only, point, options.now, false)?.ok_or_else(|| no_such_point_in(replica, point))?;
    let (_scratch, fetched, choice) = restore::fetch(only, choice, &options.database)?;
    Ok((choice, fetched.warnings))
}
