use proptest::prelude::*;

use super::*;
use crate::record::tests::replica;

const NOW: i64 = 1_736_510_400_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn backup(age_seconds: i64) -> Backup {
    Backup {
        file: "backup-1.db".to_owned(),
        created_at: at(NOW - age_seconds * 1_000),
        bytes: 4_096,
        seconds: 0.1,
        verified: true,
        error: None,
        encrypted: false,
        events: None,
        warnings: 0,
    }
}

fn rehearsal(age_hours: i64, outcome: Outcome) -> Rehearsal {
    Rehearsal {
        at: at(NOW - age_hours * 3_600_000),
        source: "backup".to_owned(),
        outcome,
        point: Some("backup-1.db".to_owned()),
        point_at: None,
        seconds: 1.25,
        bytes: None,
        events: None,
        error: (outcome == Outcome::Failed).then(|| "checksum mismatch".to_owned()),
    }
}

/// All is as it should be: a backup of 42 s, a rehearsal of last night.
fn good() -> Record {
    Record {
        newest: Some(backup(42)),
        newest_good: Some(backup(42)),
        rehearsals: vec![rehearsal(9, Outcome::Good)],
        good_rehearsal: Some(rehearsal(9, Outcome::Good)),
        ..Record::default()
    }
}

fn verdict(record: &Record) -> Verdict {
    judge(&Evidence { now: at(NOW), not_ready: None, record: Ok(record) })
}

/// The level and the pages.
fn judged(record: &Record) -> (Level, Vec<&'static str>) {
    let verdict = verdict(record);
    let pages: Vec<_> = verdict.reasons.iter().map(|reason| reason.page).collect();
    for page in &pages {
        let file = format!("{}/../../docs/runbook/{page}.md", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&file).is_file(), "there is no {file}");
    }
    (verdict.level, pages)
}

#[test]
fn a_backup_ahead_of_the_clock_is_a_warning() {
    assert_eq!(judged(&Record { ahead: Some(backup(-86_400)), ..good() }), (Level::Warning, vec!["clock-wrong"]));
}

fn with_backup(age_seconds: i64) -> Record {
    Record { newest: Some(backup(age_seconds)), newest_good: Some(backup(age_seconds)), ..good() }
}

fn synced() -> Replica {
    replica(NOW - 500, Some(NOW - 900))
}

#[test]
fn if_all_is_well_the_sentence_says_what_would_be_lost_and_for_how_long() {
    let safe = verdict(&good());
    assert_eq!(safe.level, Level::Safe);
    assert_eq!(safe.sentence, "Yes: at most 42 s of changes would be lost, and the last rehearsed restore took 1.2 s.");
    let with_replica = verdict(&Record { replicas: vec![synced()], ..good() });
    assert_eq!((with_replica.level, with_replica.loss_seconds), (Level::Safe, Some(0.4)));
}

#[test]
fn old_backups_warn_after_three_minutes_and_are_a_danger_after_ten() {
    assert_eq!(judged(&with_backup(180)), (Level::Safe, vec![]));
    assert_eq!(judged(&with_backup(181)), (Level::Warning, vec!["backups-old"]));
    assert_eq!(judged(&with_backup(600)), (Level::Warning, vec!["backups-old"]));
    assert_eq!(judged(&with_backup(601)), (Level::Danger, vec!["backups-old"]));
    let none = Record { newest: None, newest_good: None, ..good() };
    assert_eq!(judged(&none), (Level::Danger, vec!["no-backup"]));
    assert_eq!(verdict(&none).sentence, "No: there is no verified backup.");
}

#[test]
fn a_replica_that_is_well_and_synced_stands_in_for_backups() {
    let with = |replica| Record { newest: None, newest_good: None, replicas: vec![replica], ..good() };
    assert_eq!(judged(&with(synced())), (Level::Warning, vec!["no-backup"]));
    let late = replica(NOW - 500, Some(NOW - 10_501));
    assert_eq!(judged(&with(late)), (Level::Danger, vec!["no-backup", "replica-lags"]));
    let dead = replica(NOW - 5_000, Some(NOW - 5_400));
    assert_eq!(judged(&with(dead)), (Level::Danger, vec!["no-backup", "replicator-silent"]));
}

#[test]
fn a_bad_newest_backup_is_a_danger_said_in_plain_words_with_the_command_that_helps() {
    let bad = Backup { error: Some("checksum 81f0 where 92a1 is recorded".to_owned()), ..backup(12) };
    let record = Record { newest: Some(bad), ..good() };
    assert_eq!(judged(&record), (Level::Danger, vec!["backup-not-verified"]));
    let verdict = verdict(&record);
    let expected = "No: the newest backup, backup-1.db, is damaged; the newest good one is 30 s older.";
    assert_eq!(verdict.sentence, expected);
    assert_eq!(verdict.reasons[0].command.as_deref(), Some("kubectl pra restore --point backup-1.db"));
}

#[test]
fn what_is_missing_has_the_command_beside_it_with_the_paths_of_this_machine() {
    let volumes = vec![volume(Place::Backup, "/srv/backup", 50), volume(Place::Data, "/srv/app.db", 50)];
    let never = Record { rehearsals: Vec::new(), good_rehearsal: None, volumes: volumes.clone(), ..good() };
    let command = verdict(&never).reasons[0].command.clone();
    assert_eq!(command.as_deref(), Some("backup-job rehearse --backups /srv/backup"));
    let command = verdict(&Record { volumes, ..with_backup(601) }).reasons[0].command.clone();
    assert_eq!(command.as_deref(), Some("backup-job backup --database /srv/app.db --backups /srv/backup"));
}

/// Of 100 MiB so much is free.
fn volume(place: Place, path: &str, free_mib: u64) -> Volume {
    let (total, free) = (100 << 20, free_mib << 20);
    Volume { place, path: path.to_owned(), at: at(NOW), total, free }
}

#[test]
fn a_volume_that_is_full_is_a_danger_and_one_that_is_nearly_full_warns() {
    for place in [Place::Data, Place::Backup] {
        let with = |free_mib| Record { volumes: vec![volume(place, "/x", free_mib)], ..good() };
        assert_eq!(judged(&with(10)), (Level::Safe, vec![]), "{place:?}");
        assert_eq!(judged(&with(9)), (Level::Warning, vec!["volume-full"]), "{place:?}");
        assert_eq!(judged(&with(0)), (Level::Danger, vec!["volume-full"]), "{place:?}");
    }
    let sentence = verdict(&Record { volumes: vec![volume(Place::Data, "/x", 0)], ..good() }).sentence;
    assert_eq!(sentence, "No: the data volume is full, and writes and restores fail: 0 B of 100.0 MiB are free.");
    let large = Backup { bytes: 60 << 20, ..backup(42) };
    let no_room = Record { newest: Some(large), volumes: vec![volume(Place::Backup, "/x", 50)], ..good() };
    assert_eq!(judged(&no_room), (Level::Danger, vec!["volume-full"]));
}

#[test]
fn rules_that_keep_more_than_there_is_room_for_warn_with_the_command_that_helps() {
    let with = |bytes_mib: u64, free_mib| {
        let rules = Some("--keep-last 10 --keep-daily 3".to_owned());
        let forecast = Forecast { at: at(NOW), files: 114, bytes: bytes_mib << 20, present: 30 << 20, rules };
        let volumes = vec![volume(Place::Backup, "/srv/b", free_mib), volume(Place::Data, "/srv/app.db", 50)];
        Record { forecast: Some(forecast), volumes, ..good() }
    };
    assert_eq!(judged(&with(80, 50)), (Level::Safe, vec![]), "50 more are to come, and 50 are free");
    assert_eq!(judged(&with(10, 50)), (Level::Safe, vec![]), "there is more than the rules keep");
    let small = verdict(&with(81, 50));
    assert_eq!((small.level, small.reasons[0].page), (Level::Warning, "volume-full"));
    let expected = "the backup volume fills up: the rules come to keep 114 backups of 81.0 MiB in all, 51.0 MiB more than \
        now, and 50.0 MiB are free";
    assert_eq!(small.reasons[0].text, expected);
    let command = "backup-job backup --database /srv/app.db --backups /srv/b --keep-last 10 --keep-daily 3";
    assert_eq!(small.reasons[0].command.as_deref(), Some(command));
    assert_eq!(judged(&with(81, 9)).1, ["volume-full"], "said once");
}

#[test]
fn a_replica_behind_warns_and_is_a_danger_only_with_old_backups() {
    let with = |replica, age| Record { replicas: vec![replica], ..with_backup(age) };
    let late = |seconds: i64| replica(NOW, Some(NOW - seconds * 1_000));
    assert_eq!(judged(&with(late(10), 42)), (Level::Safe, vec![]));
    assert_eq!(judged(&with(late(11), 42)), (Level::Warning, vec!["replica-lags"]));
    assert_eq!(judged(&with(late(61), 42)), (Level::Warning, vec!["replica-lags"]));
    assert_eq!(judged(&with(late(60), 181)), (Level::Warning, vec!["backups-old", "replica-lags"]));
    assert_eq!(judged(&with(late(61), 181)), (Level::Danger, vec!["replica-lags", "backups-old"]));
    let cut_off = Replica { error: Some("connection refused".to_owned()), ..late(0) };
    assert_eq!(judged(&with(cut_off, 42)), (Level::Warning, vec!["replica-lags"]));
    assert_eq!(judged(&with(replica(NOW, None), 42)), (Level::Warning, vec!["replica-lags"]), "nothing is there yet");
}

#[test]
fn rehearsals_that_failed_are_a_danger_and_old_ones_or_none_warn() {
    let with = |last: Option<Rehearsal>, good_one: Option<Rehearsal>| Record {
        rehearsals: last.into_iter().collect(),
        good_rehearsal: good_one,
        ..good()
    };
    let failed = with(Some(rehearsal(9, Outcome::Failed)), Some(rehearsal(33, Outcome::Good)));
    assert_eq!(judged(&failed), (Level::Danger, vec!["rehearsal-failed"]));
    assert_eq!(verdict(&failed).sentence, "No: the last rehearsed restore from backup failed: checksum mismatch.");
    let old = with(Some(rehearsal(37, Outcome::Good)), Some(rehearsal(37, Outcome::Good)));
    assert_eq!(judged(&old), (Level::Warning, vec!["rehearsal-old"]));
    assert_eq!(judged(&with(None, None)), (Level::Warning, vec!["rehearsal-old"]));
    let encrypted = with(Some(rehearsal(9, Outcome::NotRehearsed)), None);
    assert_eq!(judged(&encrypted), (Level::Warning, vec!["rehearsal-old"]), "what was not decrypted was not rehearsed");
}

#[test]
fn what_failed_at_a_store_that_is_followed_no_more_is_forgotten() {
    let failed = |hours| Rehearsal { source: "file:///old".to_owned(), ..rehearsal(hours, Outcome::Failed) };
    let with = |hours| Record { rehearsals: vec![failed(hours), rehearsal(9, Outcome::Good)], ..good() };
    assert_eq!(judged(&with(9)), (Level::Danger, vec!["rehearsal-failed"]));
    assert_eq!(judged(&with(37)), (Level::Safe, vec![]));
    let followed = Replica { url: "file:///old".to_owned(), ..synced() };
    let still = Record { replicas: vec![followed], ..with(37) };
    assert_eq!(judged(&still), (Level::Danger, vec!["rehearsal-failed"]));
}

#[test]
fn a_restore_that_runs_or_was_killed_warns() {
    let mut restore = Restore {
        began: at(NOW - 3_000),
        ended: None,
        point: "backup-1.db".to_owned(),
        mode: None,
        seconds: None,
        error: None,
    };
    assert_eq!(judged(&Record { restore: Some(restore.clone()), ..good() }), (Level::Warning, vec!["restore-stuck"]));
    restore.ended = Some(at(NOW));
    assert_eq!(judged(&Record { restore: Some(restore), ..good() }), (Level::Safe, vec![]));
}

#[test]
fn an_application_that_is_not_ready_and_an_unreadable_catalog_are_dangers() {
    let record = good();
    let not_ready = Some(("volume-lost", "the database is empty but backups exist".to_owned()));
    let lost = judge(&Evidence { now: at(NOW), not_ready, record: Ok(&record) });
    assert_eq!((lost.level, lost.reasons[0].page), (Level::Danger, "volume-lost"));
    let blind = judge(&Evidence { now: at(NOW), not_ready: None, record: Err("file is not a database") });
    assert_eq!((blind.level, blind.loss_seconds), (Level::Danger, None));
    assert_eq!(blind.sentence, "No: the catalog of backups cannot be read: file is not a database.");
}

proptest! {
    #[test]
    fn time_alone_never_makes_it_safer(age in 0_i64..10_000, seen in 0_i64..100_000, more in 0_i64..100_000) {
        let record = Record { replicas: vec![replica(NOW - seen, Some(NOW - seen - 400))], ..with_backup(age) };
        let level = |now_ms| judge(&Evidence { now: at(now_ms), not_ready: None, record: Ok(&record) }).level;
        prop_assert!(level(NOW) <= level(NOW + more));
    }

    #[test]
    fn the_level_is_that_of_the_worst_reason_and_the_worst_comes_first(
        age in proptest::option::of(0_i64..2_000), lag in 0_i64..100_000, outcome in proptest::sample::select(vec![Outcome::Good, Outcome::Failed, Outcome::NotRehearsed]),
    ) {
        let newest = age.map(backup);
        let record = Record {
            newest_good: newest.clone(),
            newest,
            replicas: vec![replica(NOW, Some(NOW - lag))],
            rehearsals: vec![rehearsal(1, outcome)],
            ..good()
        };
        let verdict = verdict(&record);
        let worst = verdict.reasons.iter().map(|reason| reason.level).max().unwrap_or(Level::Safe);
        prop_assert_eq!(verdict.level, worst);
        prop_assert!(verdict.reasons.windows(2).all(|pair| pair[0].level >= pair[1].level));
    }
}
