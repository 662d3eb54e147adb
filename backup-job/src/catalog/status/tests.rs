use super::*;
use crate::catalog::{Catalog, FILE};
use crate::model::naming::Kind;
use crate::model::restore_point::RestorePoint;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn replica(url: &str) -> Replica {
    Replica {
        url: url.to_owned(),
        seen: at(2_000),
        epoch: Some("epoch".to_owned()),
        txid: 7,
        in_step: Some(at(1_500)),
        window_from: None,
        queue_files: 2,
        queue_bytes: 99,
        sealed: true,
        error: Some("away".to_owned()),
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

#[test]
fn what_is_written_is_read_back_and_a_publication_of_restore_points_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = Status {
        replicas: vec![replica("file:///a"), replica("s3://b")],
        restore: Some(Restore {
            began: at(1),
            ended: None,
            point: "latest".to_owned(),
            mode: Some("in-place".to_owned()),
            seconds: None,
            error: None,
        }),
        ..Status::default()
    };
    written.add_rehearsal(rehearsal("backup", 10));
    written.add_drill(drill(10));
    update(folder.path(), at(1), |status| *status = written.clone()).unwrap();
    assert_eq!(read(folder.path()).unwrap(), written);
    Catalog::read(folder.path()).unwrap().publish(folder.path(), at(2)).unwrap();
    assert_eq!(read(folder.path()).unwrap(), written);
}

#[test]
fn an_update_leaves_the_restore_points_and_their_publication_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let name = "backup-2025-01-10-12-00.db";
    std::fs::write(folder.path().join(name), "x").unwrap();
    let mut catalog = Catalog::default();
    let point = RestorePoint {
        ltx_checksum: crate::model::checksum::Checksum::from(1 << 63 | 8),
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
