use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, backup, damaged, folder, now, unverified, verified};
use crate::{Kind, RestorePoint};

fn chosen(points: &[RestorePoint], point: &str) -> Result<String, SelectError> {
    select(points, &point.parse().unwrap(), now()).map(|point| point.file.clone())
}

#[test]
fn the_four_forms_are_told_apart() {
    let cases = [
        ("latest", Point::Latest),
        ("backup-2025-01-10-12-00.db", Point::File("backup-2025-01-10-12-00.db".to_owned())),
        ("backup-2025-01-10-12-00.db.age", Point::File("backup-2025-01-10-12-00.db.age".to_owned())),
        ("before the migration.db", Point::File("before the migration.db".to_owned())),
        ("2025-01-10T12:00:00Z", Point::Instant(now())),
        ("2025-01-10T13:00:00+01:00", Point::Instant(now())),
        ("2025-01-10 12:00:00.000Z", Point::Instant(now())),
        ("15m", Point::Age(Duration::from_secs(900))),
        ("1h30m", Point::Age(Duration::from_secs(5400))),
    ];
    for (text, point) in cases {
        assert_eq!(text.parse(), Ok(point), "{text}");
    }
}

#[test]
fn what_is_none_of_them_is_refused_with_what_to_type_instead() {
    let cases = [
        ("2025-01-10T12:00:00", "has no time zone: add one, such as 2025-01-10T12:00:00Z for UTC"),
        ("2025-01-10 12:00", "has no time zone"),
        ("2025-01-10", "is a day: add a time and a zone, such as 2025-01-10T12:00:00Z"),
        ("20250110", "is a day"),
        ("../app.db", "is a path: give the file's name alone"),
        ("/backup/backup-2025-01-10-12-00.db", "is a path"),
        ("c:\\app.db", "is a path"),
        ("15", "has no unit: add a unit: 15s, 15m"),
        ("-15m", "is negative"),
        ("1mo", "has no fixed length"),
        ("backup-2025-01-10-12-00", "did you mean backup-2025-01-10-12-00.db?"),
        ("", "give latest"),
        ("Latest", "give latest"),
        ("newest", "give latest"),
        (".db", "give latest"),
        (".db.age", "give latest"),
        ("key.age", "give latest"),
        (".pra-tmp-1.db", "give latest"),
    ];
    for (text, words) in cases {
        let error = text.parse::<Point>().unwrap_err();
        let said = error.to_string();
        assert!(said.contains(words) && said.contains(&format!("'{text}'")), "{text}: {said}");
        assert!(said.ends_with(&error.hint()), "{text}: {said}");
    }
}

#[test]
fn only_verified_backups_are_chosen_without_being_named() {
    let copy = verified(Kind::PreRestore, at("2025-01-10T11:59:00Z"));
    let points =
        [backup("2025-01-10T11:50:00Z"), damaged("2025-01-10T11:55:00Z"), unverified("2025-01-10T11:57:00Z"), copy];
    for point in ["latest", "0s", "5m", "10m", "2025-01-10T11:50:00Z", "2025-01-10T12:00:00Z"] {
        assert_eq!(chosen(&points, point).as_deref(), Ok("backup-2025-01-10-11-50.db"), "{point}");
    }
    for point in &points {
        assert_eq!(chosen(&points, &point.file), Ok(point.file.clone()));
    }
}

#[test]
fn a_backup_that_is_ahead_of_the_clock_is_chosen_only_by_its_name() {
    let (real, ahead) = (backup("2025-01-10T11:50:00Z"), backup("2026-01-10T11:50:00Z"));
    let points = [RestorePoint { sequence: 1, ..real.clone() }, RestorePoint { sequence: 2, ..ahead.clone() }];
    for point in ["latest", "0s", "2025-01-10T12:00:00Z"] {
        assert_eq!(chosen(&points, point), Ok(real.file.clone()), "{point}");
    }
    assert_eq!(chosen(&points, &ahead.file), Ok(ahead.file.clone()));
    let error = chosen(&points[1..], "latest").unwrap_err();
    assert!(error.hint().unwrap().contains(&ahead.file), "{error:?}");
}

#[test]
fn the_latest_is_what_was_made_last_though_the_clock_was_set_back() {
    let points = [
        RestorePoint { sequence: 1, ..backup("2025-01-10T11:50:00Z") },
        RestorePoint { sequence: 2, ..backup("2025-01-10T10:55:00Z") },
    ];
    assert_eq!(chosen(&points, "latest"), Ok(points[1].file.clone()));
    assert_eq!(chosen(&points, "2025-01-10T11:55:00Z"), Ok(points[0].file.clone()), "an instant is held to instants");
}

#[test]
fn with_no_verified_backup_there_is_none_yet() {
    assert_eq!(chosen(&[], "latest"), Err(SelectError::NoneYet { unverified: 0, ahead: None }));
    let unusable = [damaged("2025-01-10T11:50:00Z"), verified(Kind::PreRestore, at("2025-01-10T11:50:00Z"))];
    let error = chosen(&unusable, "15m").unwrap_err();
    assert_eq!(error, SelectError::NoneYet { unverified: 1, ahead: None });
    assert!(error.hint().unwrap().starts_with("1 unverified"));
}

#[test]
fn before_the_oldest_there_is_nothing_and_the_oldest_is_named() {
    let points = [backup("2025-01-10T11:00:00Z"), backup("2025-01-10T11:30:00Z")];
    let error = chosen(&points, "61m").unwrap_err();
    assert_eq!(error.to_string(), "there is no verified backup at or before 2025-01-10T10:59:00Z");
    assert_eq!(error.hint().unwrap(), "the oldest is of 2025-01-10T11:00:00Z");
    assert!(matches!(chosen(&points, "7000000d"), Err(SelectError::NoneAtOrBefore { .. })));
}

#[test]
fn the_future_is_refused_and_the_newest_is_named() {
    let points = [backup("2025-01-10T11:00:00Z")];
    let error = chosen(&points, "2026-01-10T11:00:00Z").unwrap_err();
    assert_eq!(error.to_string(), "2026-01-10T11:00:00Z is in the future, it is 2025-01-10T12:00:00Z");
    assert_eq!(error.hint().unwrap(), "the newest is backup-2025-01-10-11-00.db; latest chooses it");
}

#[test]
fn a_name_that_is_not_there_brings_the_nearest_ones() {
    let points: Vec<_> = (1..=9).map(|minute| backup(&format!("2025-01-10T11:{minute:02}:00Z"))).collect();
    let near = |name: &str| match chosen(&points, name) {
        Err(SelectError::NoSuchFile { nearest, .. }) => nearest.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        near("backup-2025-01-10-11-00.db"),
        "backup-2025-01-10-11-01.db backup-2025-01-10-11-02.db backup-2025-01-10-11-03.db"
    );
    assert!(near("app.db").starts_with("backup-2025-01-10-11-09.db"));
    assert_eq!(chosen(&[], "app.db").unwrap_err().hint(), None);
}

/// The rule as the design says it, without any of the code's shortcuts.
fn oracle(points: &[RestorePoint], limit: jiff::Timestamp) -> Option<String> {
    let mut candidates: Vec<_> = points
        .iter()
        .filter(|p| p.kind == Kind::Backup && p.verified_at.is_some() && p.error.is_none() && p.created_at <= limit)
        .filter(|p| p.ahead(now()).is_none())
        // Of one instant, a longer name was given because the shorter one was taken.
        .map(|p| (p.created_at, p.file.len(), p.file.clone()))
        .collect();
    candidates.sort();
    candidates.pop().map(|(_, _, file)| file)
}

proptest! {
    #[test]
    fn a_point_reads_back_as_it_is_written(seconds in 0..5_000_000_000_i64, nanoseconds in 0..1_000_000_000_i32, name in "[a-z][a-z0-9 -]{0,20}") {
        let instant = jiff::Timestamp::new(seconds, nanoseconds).unwrap();
        for point in [Point::Latest, Point::File(format!("{name}.db")), Point::Instant(instant), Point::Age(Duration::from_secs(seconds.unsigned_abs()))] {
            prop_assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", digits in "[0-9TZ:+. -]{0,30}") {
        text.parse::<Point>().ok();
        digits.parse::<Point>().ok();
    }

    #[test]
    fn selection_agrees_with_a_naive_search(points in folder(), seconds_ago in 0..100_000_000_i64) {
        let limit = jiff::Timestamp::from_second(now().as_second() - seconds_ago).unwrap();
        let age = Duration::from_secs(seconds_ago.unsigned_abs());
        let any = oracle(&points, jiff::Timestamp::MAX);
        for (point, expected) in [
            (Point::Latest, any.clone()),
            (Point::Instant(limit), oracle(&points, limit)),
            (Point::Age(age), oracle(&points, limit)),
        ] {
            let found = select(&points, &point, now());
            prop_assert_eq!(found.as_ref().map(|found| found.file.clone()).ok(), expected.clone());
            match (found, &any) {
                (Err(SelectError::NoneYet { .. }), any) => prop_assert_eq!(any, &None),
                (Err(error), _) => {
                    let too_old = matches!(error, SelectError::NoneAtOrBefore { .. });
                    prop_assert!(too_old, "{}", error);
                }
                (Ok(_), _) => {}
            }
        }
    }

    #[test]
    fn the_order_of_the_folder_does_not_matter(
        (points, shuffled) in folder().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
        name in "backup-2025-01-[0-3][0-9]-12-00\\.db",
    ) {
        for point in [Point::Latest, Point::Age(Duration::from_secs(3600)), Point::File(name.clone())] {
            prop_assert_eq!(select(&points, &point, now()), select(&shuffled, &point, now()));
        }
    }
}

#[test]
fn an_offset_that_no_place_has_is_a_slip() {
    for text in ["2025-01-10T12:00:00+25:00", "2025-01-10T12:00:00+14:01", "2025-01-10T12:00:00-12:30"] {
        assert_eq!(text.parse::<Point>().unwrap_err(), PointError::NoSuchZone(text.to_owned()));
    }
    for text in ["2025-01-10T12:00:00+14:00", "2025-01-10T12:00:00-12:00", "2025-01-10T12:00:00Z"] {
        assert!(matches!(text.parse(), Ok(Point::Instant(_))), "{text}");
    }
}

#[test]
fn an_instant_past_the_last_year_is_told_apart_from_nonsense() {
    let refused = "9999-12-31T23:59:59Z".parse::<Point>().unwrap_err();
    assert_eq!(refused, PointError::OutOfRange("9999-12-31T23:59:59Z".to_owned()));
    assert_eq!(refused.to_string(), "'9999-12-31T23:59:59Z' is out of range: the last instant is of 9999-12-30");
}
