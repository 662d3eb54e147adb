use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fixtures::at;

#[test]
fn the_minute_is_the_name_until_it_is_taken() {
    let moment = at("2025-01-10T12:00:37.9Z");
    let taken = RefCell::new(BTreeSet::new());
    let next = || {
        let name = name(Kind::Backup, moment, false, |name| taken.borrow().contains(name)).unwrap();
        taken.borrow_mut().insert(name.clone());
        name
    };
    assert_eq!(next(), "backup-2025-01-10-12-00.db");
    assert_eq!(next(), "backup-2025-01-10-12-00-37.db");
    assert_eq!(next(), "backup-2025-01-10-12-00-37-2.db");
    assert_eq!(next(), "backup-2025-01-10-12-00-37-3.db");
}

#[test]
fn names_are_utc_whatever_zone_the_instant_was_given_in() {
    let name = name(Kind::PreRestore, at("2025-01-01T00:30:00+01:00"), false, |_| false);
    assert_eq!(name.as_deref(), Some("pre-restore-2024-12-31-23-30.db"));
}

#[test]
fn the_search_for_a_free_name_ends_even_where_all_are_taken() {
    assert_eq!(name(Kind::Backup, at("2025-01-10T12:00:00Z"), true, |_| true), None);
}

#[test]
fn anything_but_an_exact_name_is_refused() {
    for wrong in [
        "",
        ".db",
        "backup-.db",
        "backup-2025-02-30-12-00.db",
        "backup-2025-13-01-12-00.db",
        "backup-2025-01-10-24-00.db",
        "backup-2025-01-10-12-60.db",
        "backup-2025-01-10-12-00-60.db",
        "backup-2025-1-10-12-00.db",
        "backup-02025-01-10-12-00.db",
        "backup-+025-01-10-12-00.db",
        "backup-2025-01-10-12.db",
        "backup-2025-01-10-12-00",
        "backup-2025-01-10-12-00.db-wal",
        "backup-2025-01-10-12-00.age",
        "backup-2025-01-10-12-00.age.db",
        "backup-2025-01-10-12-00.db.age.age",
        "backup-2025-01-10-12-00.db.AGE",
        "backup-2025-01-10-12-00.db ",
        " backup-2025-01-10-12-00.db",
        "BACKUP-2025-01-10-12-00.db",
        "backup-2025-01-10-12-00-37-1.db",
        "backup-2025-01-10-12-00-37-02.db",
        "backup-2025-01-10-12-00-37-.db",
        "backup-2025-01-10-12-00-37-10000.db",
        "backup-2025-01-10-12-00-37-99999999999999999999.db",
        "backup-2025-01-10-12-00-37-2-2.db",
        "backup-2025-01-10-12-00-é.db",
        "sub/backup-2025-01-10-12-00.db",
        "../backup-2025-01-10-12-00.db",
        "restore-2025-01-10-12-00.db",
        "catalog.db",
    ] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_name_is_taken_in_both_its_forms() {
    let moment = at("2025-01-10T12:00:37Z");
    for (encrypted, taken, expected) in [
        (false, "backup-2025-01-10-12-00.db.age", "backup-2025-01-10-12-00-37.db"),
        (true, "backup-2025-01-10-12-00.db", "backup-2025-01-10-12-00-37.db.age"),
        (true, "", "backup-2025-01-10-12-00.db.age"),
    ] {
        let given = name(Kind::Backup, moment, encrypted, |name| name == taken).unwrap();
        assert_eq!((given.as_str(), is_encrypted(&given)), (expected, encrypted));
    }
}

#[test]
fn only_names_of_ours_are_temporaries() {
    assert!(is_temporary(".pra-tmp-backup-4711"));
    assert!(is_temporary(".pra-tmp-backup-4711-journal"));
    assert!(!is_temporary("backup-2025-01-10-12-00.db"));
    assert!(!is_temporary(".pra.lock"));
    assert!(!is_temporary(".pra-tmp-/../app.db"));
}

#[test]
fn kinds_have_one_word_everywhere() {
    for kind in [Kind::Backup, Kind::PreRestore] {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    assert_eq!("Backup".parse::<Kind>().unwrap_err().to_string(), "unknown kind of restore point 'Backup'");
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Backup), Just(Kind::PreRestore)]
}

proptest! {
    #[test]
    fn a_name_says_its_kind_and_minute_or_second(
        kind in kinds(), encrypted: bool, second in -62_167_219_200..253_402_207_200_i64, millisecond in 0..1000_i32,
        taken in 0..6_usize,
    ) {
        let moment = Timestamp::new(second, millisecond * 1_000_000).unwrap();
        let seen = RefCell::new(0);
        let name = name(kind, moment, encrypted, |_| { *seen.borrow_mut() += 1; *seen.borrow() <= taken }).unwrap();
        let precision = if taken == 0 { 60 } else { 1 };
        let expected = Timestamp::from_second(second.div_euclid(precision) * precision).unwrap();
        prop_assert_eq!(parse(&name), Some((kind, expected)));
        prop_assert_eq!(is_encrypted(&name), encrypted);
    }

    #[test]
    fn any_instant_has_a_name_that_parses(kind in kinds(), encrypted: bool, second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second()) {
        let name = name(kind, Timestamp::from_second(second).unwrap(), encrypted, |_| false).unwrap();
        prop_assert!(parse(&name).is_some(), "{}", name);
    }

    #[test]
    fn what_parses_is_a_name_that_could_have_been_given(name in "(backup|pre-restore)-[0-9]{4}(-[0-9]{2}){4,5}(-[0-9]{1,5})?\\.db(\\.age)?") {
        if let Some((kind, moment)) = parse(&name) {
            let plain = |name: &str| name.trim_end_matches(ENCRYPTED).to_owned();
            let given = super::name(kind, moment, is_encrypted(&name), |candidate| plain(candidate) != plain(&name));
            prop_assert_eq!(given.as_deref(), Some(name.as_str()));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        parse(&text);
        parse(&format!("backup-{text}.db"));
    }
}
