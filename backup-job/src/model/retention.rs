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
//! - A hard link costs nothing special: removing one name leaves the others whole.

mod rules;

use std::time::Duration;

use jiff::Timestamp;

use super::age;
use super::naming::Kind;
use super::restore_point::RestorePoint;

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
    /// An hour of minutes, a day of hours, a month of days; and the last ten, so that several of one minute (made by hand, around a
    /// mistake) are not thinned out at once.
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
        let backups = indices(Kind::Backup, verified);
        let times: Vec<Timestamp> = backups.iter().map(|&i| sorted[i].created_at).collect();
        for (&index, mut kept_by) in backups.iter().zip(rules::apply(&times, keep)) {
            reasons[index].append(&mut kept_by);
        }
        let copies = indices(Kind::PreRestore, verified);
        for &index in copies.iter().filter(|&&i| sorted[i].age(now) <= keep.keep_pre_restore) {
            reasons[index].push(format!("pre-restore within {}", age::display(keep.keep_pre_restore)));
        }
    }
    let newest = |wanted: &dyn Fn(&RestorePoint) -> bool| sorted.iter().position(|point| wanted(point));
    let always: [(&str, Option<usize>); 3] = [
        ("last verified", newest(&|point| point.kind == Kind::Backup && point.is_verified())),
        ("last verified pre-restore", newest(&|point| point.kind == Kind::PreRestore && point.is_verified())),
        ("last pre-restore", newest(&|point| point.kind == Kind::PreRestore)),
    ];
    for (reason, index) in always {
        if let Some(index) = index {
            reasons[index].push(reason.to_owned());
        }
    }
    sorted
        .into_iter()
        .zip(reasons)
        .map(|(point, reasons)| Decision { file: point.file.clone(), keep: !reasons.is_empty(), reasons })
        .collect()
}

#[cfg(test)]
mod tests;
