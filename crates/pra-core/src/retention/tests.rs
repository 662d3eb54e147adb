use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{backup, damaged, folder, now, unverified, verified};

fn kept(points: &[RestorePoint], keep: &Keep) -> BTreeSet<String> {
    plan(points, keep, now()).into_iter().filter(|d| d.keep).map(|d| d.file).collect()
}

fn reasons(points: &[RestorePoint], keep: &Keep) -> Vec<String> {
    plan(points, keep, now()).into_iter().map(|d| d.reasons.join(", ")).collect()
}

#[test]
fn the_default_keeps_an_hour_of_minutes_a_day_of_hours_and_a_month_of_days() {
    let start = now();
    let minutes = 40 * 24 * 60_i64;
    let points: Vec<_> =
        (0..minutes).map(|ago| verified(Kind::Backup, start - jiff::SignedDuration::from_mins(ago))).collect();
    let kept = kept(&points, &Keep::default());
    let within = |minutes: i64| {
        points
            .iter()
            .filter(|p| start.duration_since(p.created_at).as_mins() < minutes && kept.contains(&p.file))
            .count()
    };
    assert_eq!(within(60), 60, "each minute of the last hour");
    assert_eq!(kept.len(), 60 + 22 + 29, "one backup may be the newest of its minute, hour and day");
    assert!(kept.contains("backup-2025-01-10-10-59.db") && kept.contains("backup-2024-12-11-23-59.db"));
}

#[test]
fn each_rule_keeps_the_newest_of_its_period_and_says_so() {
    let points = [
        backup("2025-01-10T11:59:30Z"),
        backup("2025-01-10T11:59:00Z"),
        backup("2025-01-10T10:30:00Z"),
        backup("2025-01-10T10:10:00Z"),
        backup("2025-01-09T10:00:00Z"),
    ];
    let keep = Keep { hourly: 2, daily: 2, ..Keep::none() };
    assert_eq!(reasons(&points, &keep), ["hourly, daily, last verified", "", "hourly", "", "daily"]);
}

#[test]
fn while_counts_are_left_the_oldest_stays_too() {
    let points = [backup("2025-01-10T11:30:00Z"), backup("2025-01-10T11:20:00Z"), backup("2025-01-10T11:10:00Z")];
    let kept_by = |daily| reasons(&points, &Keep { daily, ..Keep::none() });
    assert_eq!(kept_by(2), ["daily, last verified", "", "daily"]);
    assert_eq!(kept_by(1), ["daily, last verified", "", ""]);
}

#[test]
fn weeks_are_iso_weeks_across_the_turn_of_a_year() {
    let points = [backup("2025-01-05T00:00:00Z"), backup("2024-12-30T00:00:00Z"), backup("2024-12-29T00:00:00Z")];
    assert_eq!(reasons(&points, &Keep { weekly: 2, ..Keep::none() }), ["weekly, last verified", "", "weekly"]);
}

#[test]
fn within_counts_from_the_newest_so_that_history_does_not_melt_away() {
    let points = [backup("2024-06-02T00:00:00Z"), backup("2024-06-01T00:00:00Z"), backup("2024-05-31T23:59:59Z")];
    let keep = Keep { within: Some(Duration::from_hours(24)), ..Keep::none() };
    assert_eq!(reasons(&points, &keep), ["within 1d, last verified", "within 1d", ""]);
}

#[test]
fn one_backup_from_the_future_is_no_reason_to_remove_another() {
    let real = [backup("2025-01-10T11:50:00Z"), backup("2025-01-10T11:40:00Z")];
    let keep = Keep { within: Some(Duration::from_hours(24)), last: 1, ..Keep::none() };
    let ahead = backup("2029-02-18T11:45:00Z");
    let stays = kept(&[real.as_slice(), std::slice::from_ref(&ahead)].concat(), &keep);
    assert_eq!(stays.len(), 3, "{stays:?}");
    // And where the clock is as wrong as it was then.
    let (points, then) = ([real.as_slice(), &[ahead]].concat(), "2029-02-18T11:45:00Z".parse().unwrap());
    assert!(plan(&points, &keep, then).iter().all(|decision| decision.keep), "{:?}", plan(&points, &keep, then));
}

#[test]
fn a_clock_that_is_behind_removes_no_more_than_a_right_one() {
    let minutes =
        |from: i64, to: i64| (from..to).map(|ago| verified(Kind::Backup, now() - jiff::SignedDuration::from_mins(ago)));
    let points: Vec<_> = minutes(0, 90).collect();
    let behind = now() - jiff::SignedDuration::from_hours(1);
    let by_right: BTreeSet<_> = kept(&points, &Keep::default());
    let removed: Vec<_> = plan(&points, &Keep::default(), behind).into_iter().filter(|d| !d.keep).collect();
    assert!(removed.iter().all(|decision| !by_right.contains(&decision.file)), "{removed:?}");
}

#[test]
fn a_damaged_backup_never_takes_the_place_of_a_good_one() {
    let points = [
        damaged("2025-01-10T11:59:00Z"),
        unverified("2025-01-10T11:58:00Z"),
        backup("2025-01-10T11:57:00Z"),
        backup("2025-01-10T11:56:00Z"),
    ];
    let keep = Keep { last: 1, ..Keep::none() };
    assert_eq!(reasons(&points, &keep), ["last", "", "last, last verified", ""]);
}

#[test]
fn pre_restore_copies_stay_for_their_own_time_and_the_newest_for_ever() {
    let copy = |text: &str| verified(Kind::PreRestore, text.parse().unwrap());
    let keep = Keep::none();
    let young = [copy("2025-01-10T11:00:00Z"), copy("2025-01-03T12:00:00Z"), copy("2025-01-03T11:59:59Z")];
    assert_eq!(
        reasons(&young, &keep),
        ["pre-restore within 7d, last verified pre-restore, last pre-restore", "pre-restore within 7d", ""]
    );
    let old = [
        RestorePoint { error: Some("torn".to_owned()), ..copy("2024-03-01T00:00:00Z") },
        copy("2024-02-01T00:00:00Z"),
        copy("2024-01-01T00:00:00Z"),
    ];
    assert_eq!(reasons(&old, &keep), ["last pre-restore", "last verified pre-restore", ""]);
}

#[test]
fn a_set_without_rules_is_known_as_one() {
    assert!(Keep::none().is_empty());
    assert!(Keep { keep_pre_restore: Duration::from_secs(1), ..Keep::none() }.is_empty());
    assert!(!Keep::default().is_empty());
    assert!(!Keep { yearly: 1, ..Keep::none() }.is_empty());
    assert!(!Keep { within: Some(Duration::ZERO), ..Keep::none() }.is_empty());
}

#[test]
fn nothing_makes_an_empty_plan() {
    assert_eq!(plan(&[], &Keep::default(), now()), []);
}

fn rules() -> impl Strategy<Value = Keep> {
    let count = || prop_oneof![Just(0), 1..8_usize, Just(usize::MAX)];
    let within = prop::option::of((0..4_000_000_u64).prop_map(Duration::from_secs));
    ((count(), count(), count(), count(), count(), count(), count()), within, 0..90_u64).prop_map(
        |((last, minutely, hourly, daily, weekly, monthly, yearly), within, days)| Keep {
            last,
            minutely,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            within,
            keep_pre_restore: Duration::from_hours(days * 24),
        },
    )
}

/// One rule by the text of its period: the newest of each group, the newest groups first.
fn oracle(backups: &[&RestorePoint], format: &str, count: usize) -> BTreeSet<String> {
    let mut groups: BTreeMap<String, Vec<&RestorePoint>> = BTreeMap::new();
    for point in backups {
        let period = point.created_at.to_zoned_datetime(TimeZone::UTC).strftime(format).to_string();
        groups.entry(period).or_default().push(point);
    }
    let newest = |group: &Vec<&RestorePoint>| group.iter().max_by_key(|p| p.recency()).unwrap().file.clone();
    let mut kept: BTreeSet<String> = groups.values().rev().take(count).map(newest).collect();
    if groups.len() < count {
        kept.extend(backups.iter().min_by_key(|p| p.recency()).map(|p| p.file.clone()));
    }
    kept
}

proptest! {
    #[test]
    fn each_period_agrees_with_grouping_by_its_text(points in folder(), count in 0..10_usize) {
        let good = |p: &&RestorePoint| p.kind == Kind::Backup && p.is_verified() && p.ahead(now()).is_none();
        let backups: Vec<_> = points.iter().filter(good).collect();
        for (name, format, keep) in [
            ("minutely", "%Y-%m-%dT%H:%M", Keep { minutely: count, ..Keep::none() }),
            ("hourly", "%Y-%m-%dT%H", Keep { hourly: count, ..Keep::none() }),
            ("daily", "%Y-%m-%d", Keep { daily: count, ..Keep::none() }),
            ("weekly", "%G-%V", Keep { weekly: count, ..Keep::none() }),
            ("monthly", "%Y-%m", Keep { monthly: count, ..Keep::none() }),
            ("yearly", "%Y", Keep { yearly: count, ..Keep::none() }),
        ] {
            let good: BTreeSet<_> = backups.iter().map(|p| &p.file).collect();
            let kept: BTreeSet<String> = plan(&points, &keep, now())
                .into_iter()
                .filter(|d| d.reasons.iter().any(|reason| reason == name) && good.contains(&d.file))
                .map(|d| d.file)
                .collect();
            prop_assert_eq!(kept, oracle(&backups, format, count), "{}", name);
        }
    }

    #[test]
    fn a_plan_that_was_applied_removes_nothing_more(points in folder(), keep in rules()) {
        let stays = kept(&points, &keep);
        let left: Vec<_> = points.into_iter().filter(|p| stays.contains(&p.file)).collect();
        prop_assert_eq!(kept(&left, &keep), stays);
    }

    #[test]
    fn the_last_verified_backup_stays_whatever_the_rules(points in folder(), keep in rules()) {
        let last = points.iter().filter(|p| p.kind == Kind::Backup && p.is_verified()).max_by_key(|p| p.recency());
        if let Some(last) = last {
            prop_assert!(kept(&points, &keep).contains(&last.file));
        }
    }

    #[test]
    fn more_rules_never_remove_more(points in folder(), some in rules(), more in rules()) {
        let both = Keep {
            last: some.last.max(more.last),
            minutely: some.minutely.max(more.minutely),
            hourly: some.hourly.max(more.hourly),
            daily: some.daily.max(more.daily),
            weekly: some.weekly.max(more.weekly),
            monthly: some.monthly.max(more.monthly),
            yearly: some.yearly.max(more.yearly),
            ..some.clone()
        };
        // A longer window may bridge a gap at which a shorter one stops.
        let more = Keep { within: some.within, keep_pre_restore: some.keep_pre_restore, ..more };
        // The backups that stay show how old a safety copy is: the more of them, the better it is known.
        let backups: Vec<_> = points.into_iter().filter(|p| p.kind == Kind::Backup).collect();
        let all = kept(&backups, &both);
        prop_assert!(all.is_superset(&kept(&backups, &some)) && all.is_superset(&kept(&backups, &more)));
    }

    #[test]
    fn damaged_ones_make_no_difference_to_the_good(points in folder(), keep in rules()) {
        let good: Vec<_> = points.iter().filter(|p| p.is_verified()).cloned().collect();
        let names: BTreeSet<String> = good.iter().map(|p| p.file.clone()).collect();
        let among_all: BTreeSet<String> = kept(&points, &keep).intersection(&names).cloned().collect();
        prop_assert_eq!(among_all, kept(&good, &keep));
    }

    #[test]
    fn every_file_gets_one_decision_newest_first_and_a_reason_where_it_stays(points in folder(), keep in rules()) {
        let decisions = plan(&points, &keep, now());
        let mut expected: Vec<_> = points.iter().map(RestorePoint::recency).collect();
        expected.sort();
        let expected: Vec<_> = expected.into_iter().rev().map(|(.., file)| file).collect();
        prop_assert_eq!(decisions.iter().map(|d| d.file.as_str()).collect::<Vec<_>>(), expected);
        prop_assert!(decisions.iter().all(|d| d.keep != d.reasons.is_empty()));
    }
}
