use pra_core::naming::Kind;
use pra_core::restore_point::RestorePoint;

use super::*;
use crate::catalog::{Catalog, FILE};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn replica(url: &str) -> Replica {
    Replica {
        url: url.to_owned(),
        seen: at(2_000),
        epoch: Some("epoch".to_owned()),
        txid: 7,
        synced: Some(at(1_500)),
        window_from: None,
        queue_files: 2,
        queue_bytes: 99,
        encrypted: true,
        error: Some("away".to_owned()),
        warnings: Some(vec!["one".to_owned(), "two".to_owned()]),
    }
}

fn rehearsal(source: &str, ms: i64) -> Rehearsal {
    Rehearsal {
        at: at(ms),
        source: source.to_owned(),
        outcome: Outcome::Good,
        point: Some("point".to_owned()),
        point_at: Some(at(ms - 5)),
        seconds: 0.25,
        bytes: Some(4096),
        events: None,
        error: None,
    }
}

fn drill(ms: i64) -> Drill {
    Drill {
        at: at(ms),
        kind: "pod-crash".to_owned(),
        kept: true,
        rto_seconds: Some(1.5),
        rpo_seconds: None,
        acknowledged: 100,
        lost: 0,
        refused: 1,
    }
}

fn restore(ms: i64) -> Restore {
    Restore {
        began: at(ms),
        ended: None,
        point: "latest".to_owned(),
        mode: Some("in-place".to_owned()),
        seconds: None,
        error: None,
    }
}

#[test]
fn restores_are_remembered_and_the_end_of_one_is_no_second_one() {
    let mut status = Status::default();
    status.add_restore(restore(1));
    status.add_restore(Restore { ended: Some(at(2)), ..restore(1) });
    status.add_restore(restore(3));
    let told: Vec<_> = status.restores().iter().map(|one| (one.began, one.ended)).collect();
    assert_eq!(told, [(at(3), None), (at(1), Some(at(2)))]);
}

#[test]
fn a_lag_is_kept_once_a_minute_for_three_hours_and_forgotten_with_its_replica() {
    let mut status = Status::default();
    let second = |number: i64| at(number * 1_000);
    for number in 0..4 * 3_600_i64 {
        let replica = Replica { synced: Some(second(number - 1)), ..replica("file:///a") };
        status.set_replicas(vec![replica], second(number));
    }
    assert_eq!(status.lags.len(), 180);
    assert!(status.lags.windows(2).all(|pair| pair[1].at.duration_since(pair[0].at).as_secs() == 60));
    assert!(status.lags.iter().all(|lag| lag.seconds == 1.0));
    // The clock was ahead, and is right again.
    let replica = Replica { synced: Some(second(9)), ..replica("file:///a") };
    status.set_replicas(vec![replica], second(10));
    assert_eq!(status.lags.iter().map(|lag| lag.at).collect::<Vec<_>>(), [second(10)]);
    status.set_replicas(Vec::new(), second(11));
    assert_eq!(status.lags, []);
}

#[test]
fn what_the_checks_said_stays_known_until_another_epoch_begins() {
    let mut status = Status::default();
    let not_checked = || Replica { warnings: None, ..replica("file:///a") };
    status.set_replicas(vec![not_checked()], at(1));
    assert_eq!(status.replicas[0].warnings, None);
    status.set_replicas(vec![replica("file:///a")], at(2));
    status.set_replicas(vec![not_checked()], at(3));
    assert_eq!(status.replicas[0].warnings, replica("file:///a").warnings);
    status.set_replicas(vec![Replica { warnings: Some(Vec::new()), ..not_checked() }], at(4));
    status.set_replicas(vec![not_checked()], at(5));
    assert_eq!(status.replicas[0].warnings, Some(Vec::new()));
    status.set_replicas(vec![Replica { epoch: None, ..not_checked() }], at(6));
    assert_eq!(status.replicas[0].warnings, None);
}

#[test]
fn what_is_written_is_read_back_and_a_publication_of_restore_points_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Status { replicas: vec![replica("file:///a"), replica("s3://b")], ..Status::default() };
    written.add_restore(restore(1));
    let rules = Some("--keep-last 10".to_owned());
    written.set_forecast(Some(Forecast { at: at(1), files: 3, bytes: u64::MAX / 2, present: 4096, rules }));
    written.replicas[1].warnings = Some(Vec::new());
    written.lags.push(Lag { url: "file:///a".to_owned(), at: at(1), seconds: 0.5 });
    written.add_rehearsal(rehearsal("backup", 10));
    written.add_drill(drill(10));
    update(folder.path(), at(1), |status| *status = written.clone()).unwrap();
    written.volumes = read(folder.path()).unwrap().volumes;
    assert!(written.volumes[0].place == Place::Backup && written.volumes[0].total > 0, "{:?}", written.volumes);
    assert_eq!(read(folder.path()).unwrap(), written);
    let mut catalog = Catalog::read(folder.path()).unwrap();
    catalog.note_database(&folder.path().join("app.db"));
    catalog.publish(folder.path(), at(2)).unwrap();
    let read = read(folder.path()).unwrap();
    assert_eq!(read.volumes.iter().map(|volume| volume.place).collect::<Vec<_>>(), [Place::Backup, Place::Data]);
    assert!(read.volumes.iter().all(|volume| volume.at == at(2)));
    assert_eq!(Status { volumes: written.volumes.clone(), ..read }, written);
}

#[test]
fn an_update_leaves_the_restore_points_and_their_publication_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let name = "backup-2025-01-10-12-00.db";
    std::fs::write(folder.path().join(name), "x").unwrap();
    let mut catalog = Catalog::default();
    let point = RestorePoint {
        ltx_checksum: pra_core::checksum::Checksum::from(1 << 63 | 8),
        ..RestorePoint::unrecorded(name.to_owned(), Kind::Backup, at(1), 1)
    };
    catalog.insert(point);
    catalog.publish(folder.path(), at(2)).unwrap();
    update(folder.path(), at(9_000), |status| status.replicas.push(replica("s3://b"))).unwrap();
    assert_eq!(Catalog::read(folder.path()).unwrap(), catalog);
    let published: i64 = rusqlite::Connection::open(folder.path().join(FILE))
        .unwrap()
        .query_row("SELECT published_at_ms FROM publication", [], |row| row.get(0))
        .unwrap();
    assert_eq!(published, 2, "the time of the restore points");
}

#[test]
fn a_damaged_catalog_is_not_written_over_by_an_update() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), "no database".repeat(100)).unwrap();
    assert!(update(folder.path(), at(1), |status| status.replicas.push(replica("s3://b"))).is_err());
    assert!(std::fs::read(folder.path().join(FILE)).unwrap().starts_with(b"no database"));
}

#[test]
fn only_so_many_rehearsals_of_a_source_and_drills_are_kept_the_newest() {
    let mut status = Status::default();
    let count = i64::try_from(KEPT).unwrap() + 3;
    status.add_rehearsal(rehearsal("s3://b", 1));
    for ms in 1..=count {
        status.add_rehearsal(rehearsal("backup", ms));
        status.add_drill(drill(ms));
    }
    let of = |source: &str| -> Vec<i64> {
        let rehearsals = status.rehearsals().iter().filter(|one| one.source == source);
        rehearsals.map(|one| one.at.as_millisecond()).collect()
    };
    let newest: Vec<i64> = (4..=count).rev().collect();
    assert_eq!(of("backup"), newest);
    assert_eq!(of("s3://b"), [1]);
    assert_eq!(status.drills().iter().map(|one| one.at.as_millisecond()).collect::<Vec<_>>(), newest);
}
