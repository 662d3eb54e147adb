//! Which restore points stay, in the terms of restic's `forget`.
//!
//! Each rule goes through the verified backups from the newest to the oldest and keeps the newest
//! one of each period (minute, hour, day, ISO week, month, year, all UTC), for as many periods as it
//! counts, skipping periods that have none. While a rule has counts left it also keeps the oldest
//! backup, so that history grows to its full length. A backup stays if any rule keeps it.
//!
//! - The last verified backup stays, whatever the rules.
//! - What is damaged, or was never verified, is counted apart by the same rules: it never takes the
//!   place of a good one, and is not deleted because of one failed read either.
//! - Pre-restore copies have a rule of their own: an age, and always the newest one.
//! - What is ahead of the clock is counted apart too: whether that clock or this one is wrong, no more goes than with a
//!   right one, and it is no reason for another to go.
//! - Rules of age count from the newest, never from later than now, and a leap of the clock does not empty their
//!   window: what it held before stays until the backups since then fill a window by themselves.
//! - A hard link costs nothing special: removing one name leaves the others whole.

mod forecast;
mod rules;
mod window;

use std::time::Duration;

use jiff::Timestamp;

use super::age;
use super::naming::Kind;
use super::restore_point::RestorePoint;

pub use forecast::Forecast;
pub use forecast::Pace;

/// The rules. A count of 0 means no such rule, `usize::MAX` means all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many.
    pub last: usize,
    /// The newest of each of so many minutes.
    pub minutely: usize,
    /// The newest of each of so many hours.
    pub hourly: usize,
    /// The newest of each of so many days.
    pub daily: usize,
    /// The newest of each of so many ISO weeks.
    pub weekly: usize,
    /// The newest of each of so many months.
    pub monthly: usize,
    /// The newest of each of so many years.
    pub yearly: usize,
    /// All that are at most so much older than the newest (not than now: when backups stop, the
    /// history does not melt away).
    pub within: Option<Duration>,
    /// Pre-restore copies up to this age.
    pub keep_pre_restore: Duration,
}

impl Keep {
    /// No rule at all, as a start for those given on a command line.
    pub fn none() -> Self {
        Self {
            last: 0,
            minutely: 0,
            hourly: 0,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            within: None,
            keep_pre_restore: Duration::from_hours(7 * 24),
        }
    }

    /// Whether no rule keeps any backup. Such a set is a mistake that the command line refuses.
    pub fn is_empty(&self) -> bool {
        Self { keep_pre_restore: Duration::ZERO, ..self.clone() }
            == Self { keep_pre_restore: Duration::ZERO, ..Self::none() }
    }
}

impl Default for Keep {
    /// An hour of minutes, a day of hours, a month of days; and the last ten, so that several of one minute (made by
    /// hand, around a mistake) are not thinned out at once.
    fn default() -> Self {
        Self { last: 10, minutely: 60, hourly: 24, daily: 31, ..Self::none() }
    }
}

/// What is to become of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Name in the backup folder.
    pub file: String,
    /// Whether it stays.
    pub keep: bool,
    /// The rules that keep it, such as `hourly`; empty where it goes.
    pub reasons: Vec<String>,
}

/// What stays and what goes, newest first. A plan only: nothing is removed here.
pub fn plan(points: &[RestorePoint], keep: &Keep, now: Timestamp) -> Vec<Decision> {
    let mut sorted: Vec<&RestorePoint> = points.iter().collect();
    sorted.sort_by_key(|point| std::cmp::Reverse(point.recency()));
    let mut reasons: Vec<Vec<String>> = vec![Vec::new(); sorted.len()];
    let indices = |kind: Kind, verified: bool| -> Vec<usize> {
        (0..sorted.len()).filter(|&i| sorted[i].kind == kind && sorted[i].is_verified() == verified).collect()
    };
    for verified in [true, false] {
        let (ahead, present): (Vec<_>, Vec<_>) =
            indices(Kind::Backup, verified).into_iter().partition(|&i| sorted[i].ahead(now).is_some());
        for mut backups in [ahead, present] {
            backups.iter().take(keep.last).for_each(|&i| reasons[i].push("last".to_owned()));
            backups.sort_by_key(|&i| std::cmp::Reverse((sorted[i].created_at, sorted[i].recency())));
            let times: Vec<Timestamp> = backups.iter().map(|&i| sorted[i].created_at).collect();
            for (&index, mut kept_by) in backups.iter().zip(rules::apply(&times, keep)) {
                reasons[index].append(&mut kept_by);
            }
        }
    }
    let newest = |wanted: &dyn Fn(&RestorePoint) -> bool| sorted.iter().position(|point| wanted(point));
    let is_good = |point: &RestorePoint| point.kind == Kind::Backup && point.is_verified();
    let always: [(&str, Option<usize>); 4] = [
        ("last verified", newest(&|point| is_good(point) && point.ahead(now).is_none())),
        ("last verified", newest(&is_good)),
        ("last verified pre-restore", newest(&|point| point.kind == Kind::PreRestore && point.is_verified())),
        ("last pre-restore", newest(&|point| point.kind == Kind::PreRestore)),
    ];
    for (reason, index) in always {
        if let Some(index) = index
            && !reasons[index].iter().any(|known| known == reason)
        {
            reasons[index].push(reason.to_owned());
        }
    }
    // What goes now can show no leap the next time.
    let staying = sorted.iter().zip(&reasons).filter(|(_, reasons)| !reasons.is_empty());
    let young = young_since(staying.map(|(point, _)| *point), keep.keep_pre_restore, now);
    for (point, reasons) in sorted.iter().zip(&mut reasons) {
        if point.kind == Kind::PreRestore && point.created_at >= young {
            reasons.insert(0, format!("pre-restore within {}", age::display(keep.keep_pre_restore)));
        }
    }
    sorted
        .into_iter()
        .zip(reasons)
        .map(|(point, reasons)| Decision { file: point.file.clone(), keep: !reasons.is_empty(), reasons })
        .collect()
}

/// The first instant of those that count as younger than `age`: by the clock, but for a leap that the backups show.
fn young_since<'a>(points: impl Iterator<Item = &'a RestorePoint>, age: Duration, now: Timestamp) -> Timestamp {
    let backups = points.filter(|point| point.kind == Kind::Backup && point.is_verified());
    let mut times: Vec<_> = backups.map(|point| point.created_at).filter(|at| *at < now).chain([now]).collect();
    times.sort_by_key(|at| std::cmp::Reverse(*at));
    window::start(&times, age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
