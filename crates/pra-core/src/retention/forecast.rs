//! How much room the rules come to need, once each has all that it counts.
//!
//! Each rule keeps `count` backups that are its period apart, or as far apart as backups are made. Rules overlap: the
//! stretch of time that a shorter one reaches is not counted again. What was unchanged is a hard link, so there are no
//! more files in a stretch than the database has changed in it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Keep;
use crate::naming::Kind;
use crate::restore_point::RestorePoint;

/// So many of the newest backups say how often one is made, and how often it is another file.
const SAMPLE: usize = 20;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What the rules come to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Files that are not hard links.
    pub files: u64,
    /// All of them, as large as the newest.
    pub bytes: u64,
    /// Of these, what the backups take now.
    pub present: u64,
}

impl Forecast {
    /// What is still to come, in bytes.
    pub fn to_come(&self) -> u64 {
        self.bytes.saturating_sub(self.present)
    }
}

/// How backups were made of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Seconds from one to the next.
    made_every: u64,
    /// Seconds from one that is another file to the next.
    changed_every: u64,
    /// Size of the newest.
    bytes: u64,
    /// What all of them take.
    present: u64,
}

impl Pace {
    /// That of these backups; `None` where they are too few to tell, or nothing grows since all of them are one file.
    pub fn of(points: &[RestorePoint], now: Timestamp) -> Option<Self> {
        let is_backup = |point: &&RestorePoint| point.kind == Kind::Backup && point.ahead(now).is_none();
        let mut backups: Vec<&RestorePoint> = points.iter().filter(is_backup).collect();
        backups.sort_by_key(|point| std::cmp::Reverse(point.created_at));
        let newest = *backups.first()?;
        let sample = &backups[..backups.len().min(SAMPLE)];
        let stretch = newest.created_at.duration_since(sample.last()?.created_at);
        let stretch = u64::try_from(stretch.as_secs()).ok()?;
        let made_every = stretch / u64::try_from(sample.len()).ok()?.checked_sub(1).filter(|steps| *steps > 0)?;
        let changed_every = stretch / (files(sample).len() as u64).checked_sub(1).filter(|steps| *steps > 0)?;
        Some(Self {
            made_every: made_every.max(1),
            changed_every: changed_every.max(1),
            bytes: newest.bytes,
            present: files(&backups).values().sum(),
        })
    }

    /// What these rules come to keep.
    pub fn forecast(&self, keep: &Keep) -> Forecast {
        let files = count(keep, self.made_every, self.changed_every);
        Forecast { files, bytes: files.saturating_mul(self.bytes), present: self.present }
    }

    /// Rules of the same kinds that come to keep no more than there is room for beside what is there: the one that
    /// counts the most is halved until they do. `None` where no such rules do.
    pub fn rules_for(&self, keep: &Keep, free: u64) -> Option<Keep> {
        let mut keep = keep.clone();
        while self.forecast(&keep).to_come() > free {
            let within = keep.within.map_or(0, |within| within.as_secs() / self.made_every);
            let Keep { last, minutely, hourly, daily, weekly, monthly, yearly, .. } = &mut keep;
            let most =
                [last, minutely, hourly, daily, weekly, monthly, yearly].into_iter().max_by_key(|count| **count)?;
            if within > *most as u64 {
                keep.within = keep.within.map(|within| within / 2);
            } else if *most > 1 {
                *most /= 2;
            } else {
                return None;
            }
        }
        Some(keep)
    }
}

/// The files that are no hard links of each other, and their sizes.
fn files<'a>(points: &[&'a RestorePoint]) -> BTreeMap<&'a str, u64> {
    points.iter().map(|point| (point.unchanged_since.as_deref().unwrap_or(&point.file), point.bytes)).collect()
}

/// Files that stay, where a backup is made and the database is changed every so many seconds.
fn count(keep: &Keep, made_every: u64, changed_every: u64) -> u64 {
    let Keep { last, minutely, hourly, daily, weekly, monthly, yearly, within, keep_pre_restore: _ } = keep;
    let periodic = [
        (*last, 1),
        (*minutely, MINUTE),
        (*hourly, HOUR),
        (*daily, DAY),
        (*weekly, 7 * DAY),
        (*monthly, 30 * DAY),
        (*yearly, 365 * DAY),
    ];
    let within = within.as_ref().map_or(0, Duration::as_secs);
    let mut rules: Vec<_> = periodic
        .into_iter()
        .map(|(count, period)| (period.max(made_every), count as u64))
        .map(|(apart, count)| (apart, count.saturating_mul(apart)))
        .chain([(made_every, within)])
        .collect();
    rules.sort_unstable();
    let (mut reached, mut kept) = (0_u64, 0_u64);
    for (apart, reaches) in rules {
        kept = kept.saturating_add(reaches.saturating_sub(reached).div_ceil(apart.max(changed_every)));
        reached = reached.max(reaches);
    }
    kept
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::fixtures::{now, verified};

    fn keep(last: usize, minutely: usize, hourly: usize, daily: usize) -> Keep {
        Keep { last, minutely, hourly, daily, ..Keep::none() }
    }

    #[test]
    fn rules_that_reach_over_the_same_time_count_once() {
        for (rules, made, files) in [
            (keep(10, 0, 0, 0), MINUTE, 10),
            (keep(10, 60, 0, 0), MINUTE, 60),
            (keep(10, 60, 24, 0), MINUTE, 60 + 23),
            (keep(10, 60, 24, 31), MINUTE, 60 + 23 + 30),
            (keep(10, 60, 24, 31), DAY, 60),
            (keep(0, 0, 0, 7), HOUR, 7),
        ] {
            assert_eq!(count(&rules, made, made), files, "{rules:?} every {made} s");
        }
        let within = Keep { within: Some(Duration::from_secs(DAY)), ..Keep::none() };
        assert_eq!(count(&within, HOUR, HOUR), 24);
    }

    #[test]
    fn what_did_not_change_takes_no_room() {
        assert_eq!(count(&keep(0, 60, 0, 0), MINUTE, HOUR), 1);
        assert_eq!(count(&keep(0, 0, 24, 0), MINUTE, HOUR), 24);
        assert_eq!(count(&keep(0, 0, 24, 0), MINUTE, u64::MAX), 1);
    }

    #[test]
    fn the_room_that_the_rules_need_is_told_by_what_was_made_last() {
        let now = now();
        let point = |minutes: i64, unchanged_since: Option<&str>| RestorePoint {
            bytes: 100,
            unchanged_since: unchanged_since.map(str::to_owned),
            ..verified(Kind::Backup, now.checked_sub(minutes.minutes()).unwrap())
        };
        let points = [point(0, None), point(1, None), point(2, None)];
        let forecast = Pace::of(&points, now).unwrap().forecast(&keep(0, 60, 0, 0));
        assert_eq!(forecast, Forecast { files: 60, bytes: 6000, present: 300 });
        assert_eq!(forecast.to_come(), 5700);
        let origin = points[2].file.as_str();
        let still = [point(0, Some(origin)), point(1, Some(origin)), points[2].clone()];
        assert_eq!(Pace::of(&still, now), None);
        assert_eq!(Pace::of(&points[..1], now), None);
    }

    #[test]
    fn rules_that_do_not_fit_are_halved_until_they_do_and_others_stay() {
        let pace = Pace { made_every: MINUTE, changed_every: MINUTE, bytes: 100, present: 1_000 };
        let default = Keep::default();
        assert_eq!(pace.rules_for(&default, 1_000_000), Some(default.clone()));
        // 60 + 23 + 30 files are 11,300 bytes.
        let fitting = pace.rules_for(&default, 6_000).unwrap();
        assert!(pace.forecast(&fitting).to_come() <= 6_000, "{fitting:?}");
        assert_eq!(fitting, Keep { last: 10, minutely: 30, hourly: 24, daily: 15, ..Keep::none() });
        assert_eq!(pace.rules_for(&keep(0, 0, 0, 7), 0), Some(keep(0, 0, 0, 7)), "there are more already");
        let large = Pace { present: 0, ..pace };
        assert_eq!(large.rules_for(&default, 99), None, "not even one more has room");
        let within = Keep { within: Some(Duration::from_secs(DAY)), ..Keep::none() };
        let fitting = large.rules_for(&within, 40_000).unwrap();
        assert_eq!(fitting.within, Some(Duration::from_secs(DAY / 4)));
        let all = keep(usize::MAX, 0, 0, 0);
        assert!(large.forecast(&large.rules_for(&all, 5_000).unwrap()).bytes <= 5_000);
    }
}
