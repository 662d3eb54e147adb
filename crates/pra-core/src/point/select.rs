//! Finding the restore point that a [`Point`] means.

use jiff::Timestamp;

use super::super::naming::{self, Kind};
use super::super::restore_point::RestorePoint;
use super::Point;

/// How many other names an error offers.
const OFFERED: usize = 3;

/// Why there is no such restore point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No verified backup at all.
    #[error("there is no verified backup yet")]
    NoneYet {
        /// Backups that are there, but unverified or damaged.
        unverified: usize,
        /// The newest of those that are ahead of the clock.
        ahead: Option<String>,
    },
    /// All verified backups are younger.
    #[error("there is no verified backup at or before {asked}")]
    NoneAtOrBefore {
        /// The instant that was asked for.
        asked: Timestamp,
        /// The oldest verified backup.
        oldest: Timestamp,
    },
    /// The instant has not been yet. (Taking the newest silently would hide a mistyped date.)
    #[error("{asked} is in the future, it is {now}")]
    InTheFuture {
        /// The instant that was asked for.
        asked: Timestamp,
        /// The present.
        now: Timestamp,
        /// File of the newest verified backup.
        newest: Option<String>,
    },
    /// No file of that name.
    #[error("there is no restore point '{name}'")]
    NoSuchFile {
        /// The name that was asked for.
        name: String,
        /// Up to three names that are there, the nearest in time first.
        nearest: Vec<String>,
    },
}

impl SelectError {
    /// What to do next, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoneYet { ahead: Some(file), .. } => Some(format!(
                "{file} is ahead of the clock: set the clock right, or name it if the clock was wrong when it was made"
            )),
            Self::NoneYet { unverified: 0, .. } => Some("make one with backup-job backup".to_owned()),
            Self::NoneYet { unverified, .. } => Some(format!(
                "{unverified} unverified: backup-job verify checks them, and one may be named by its file"
            )),
            Self::NoneAtOrBefore { oldest, .. } => Some(format!("the oldest is of {oldest}")),
            Self::InTheFuture { newest, .. } => {
                newest.as_ref().map(|newest| format!("the newest is {newest}; latest chooses it"))
            }
            Self::NoSuchFile { nearest, .. } if nearest.is_empty() => None,
            Self::NoSuchFile { nearest, .. } => Some(format!("there is {}", nearest.join(", "))),
        }
    }
}

/// The restore point that `point` means at the present `now`.
pub fn select<'a>(points: &'a [RestorePoint], point: &Point, now: Timestamp) -> Result<&'a RestorePoint, SelectError> {
    match point {
        Point::File(name) => by_name(points, name),
        Point::Transaction(..) => by_name(points, &point.to_string()),
        Point::Latest => newest(points, now, None).ok_or_else(|| none_yet(points, now)),
        Point::Instant(asked) if *asked > now => Err(SelectError::InTheFuture {
            asked: *asked,
            now,
            newest: newest(points, now, None).map(|newest| newest.file.clone()),
        }),
        Point::Instant(asked) => at_or_before(points, now, *asked),
        Point::Age(age) => at_or_before(points, now, now.checked_sub(*age).unwrap_or(Timestamp::MIN)),
    }
}

/// The backups that may be chosen without being named.
fn eligible(points: &[RestorePoint], now: Timestamp) -> impl Iterator<Item = &RestorePoint> {
    points.iter().filter(move |point| point.kind == Kind::Backup && point.is_verified() && point.ahead(now).is_none())
}

/// The eligible one that was made last; of those at or before `limit`, where one is given, the one nearest to it.
fn newest(points: &[RestorePoint], now: Timestamp, limit: Option<Timestamp>) -> Option<&RestorePoint> {
    match limit {
        None => eligible(points, now).max_by_key(|point| point.recency()),
        Some(limit) => eligible(points, now)
            .filter(|point| point.created_at <= limit)
            .max_by_key(|point| (point.created_at, point.recency())),
    }
}

fn at_or_before(points: &[RestorePoint], now: Timestamp, asked: Timestamp) -> Result<&RestorePoint, SelectError> {
    newest(points, now, Some(asked)).ok_or_else(|| match eligible(points, now).map(|point| point.created_at).min() {
        Some(oldest) => SelectError::NoneAtOrBefore { asked, oldest },
        None => none_yet(points, now),
    })
}

fn none_yet(points: &[RestorePoint], now: Timestamp) -> SelectError {
    let backups = || points.iter().filter(|point| point.kind == Kind::Backup);
    let ahead = backups().filter(|point| point.is_verified() && point.ahead(now).is_some());
    SelectError::NoneYet {
        unverified: backups().count(),
        ahead: ahead.max_by_key(|point| point.recency()).map(|point| point.file.clone()),
    }
}

fn by_name<'a>(points: &'a [RestorePoint], name: &str) -> Result<&'a RestorePoint, SelectError> {
    points
        .iter()
        .find(|point| point.file == name)
        .ok_or_else(|| SelectError::NoSuchFile { name: name.to_owned(), nearest: nearest(points, name) })
}

/// The names nearest in time to what `name` says, or the newest where it says no time.
fn nearest(points: &[RestorePoint], name: &str) -> Vec<String> {
    let around = naming::parse(name).map_or(Timestamp::MAX, |(_, at)| at);
    let mut points: Vec<_> = points.iter().collect();
    points.sort_by_key(|point| (point.created_at.duration_since(around).abs(), &point.file));
    points.into_iter().take(OFFERED).map(|point| point.file.clone()).collect()
}
