use std::time::Duration;

use pra_core::checksum::Checksum;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A database file of one table under the name of a restore point.
fn database(folder: &Path, name: &str) {
    let connection = rusqlite::Connection::open(folder.join(name)).unwrap();
    connection
        .execute_batch("CREATE TABLE events(id INTEGER PRIMARY KEY); INSERT INTO events VALUES (1), (2)")
        .unwrap();
}

fn point(folder: &Path, name: &str, created_at: Timestamp) -> RestorePoint {
    RestorePoint {
        bytes: std::fs::metadata(folder.join(name)).unwrap().len(),
        page_size: 4096,
        pages: 2,
        events: Some(2),
        content_checksum: Checksum::from(1 << 63 | 7),
        ltx_checksum: Checksum::from(1 << 63 | 8),
        verified_at: Some(created_at),
        seconds: 0.5,
        unchanged_since: Some("backup-2024-01-01-00-00.db".into()),
        ..RestorePoint::unrecorded(name.into(), Kind::Backup, created_at, 0)
    }
}

#[test]
fn what_is_published_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::default();
    for (name, created_at) in [
        ("backup-2025-01-10-12-00.db", "2025-01-10T12:00:07.125Z"),
        ("backup-2025-01-10-12-01.db", "2025-01-10T12:01:07Z"),
    ] {
        database(folder.path(), name);
        catalog.insert(point(folder.path(), name, at(created_at)));
    }
    catalog.set_source(SourceStamp("stamp".into()));
    catalog.publish(folder.path(), at("2025-01-10T12:02:00Z")).unwrap();
    let read = Catalog::read(folder.path()).unwrap();
    assert_eq!(read, catalog);
    assert_eq!(read.newest_backup().unwrap().file, "backup-2025-01-10-12-01.db");
}

#[test]
fn a_row_without_its_file_is_dropped_and_a_file_without_its_row_is_listed_and_then_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (gone, stranger) = ("backup-2025-01-10-12-00.db", "backup-2025-01-10-12-01.db");
    database(folder.path(), gone);
    let mut catalog = Catalog::default();
    catalog.insert(point(folder.path(), gone, at("2025-01-10T12:00:00Z")));
    catalog.publish(folder.path(), at("2025-01-10T12:00:00Z")).unwrap();
    std::fs::remove_file(folder.path().join(gone)).unwrap();
    database(folder.path(), stranger);

    let mut read = Catalog::read(folder.path()).unwrap();
    assert_eq!(read.points().len(), 1);
    assert!(!read.points()[0].is_verified(), "nothing is known about it yet");
    assert_eq!(read.points()[0].created_at, at("2025-01-10T12:01:00Z"), "by its name, not by the file's time");
    read.record_unrecorded(folder.path(), at("2025-01-10T12:05:00Z"));
    read.publish(folder.path(), at("2025-01-10T12:05:00Z")).unwrap();
    let recorded = Catalog::read(folder.path()).unwrap();
    assert!(recorded.points()[0].is_verified());
    assert_eq!(recorded.points()[0].events, Some(2));
}

/// A folder that belongs to a database, with a recorded backup.
fn owned(folder: &Path) -> Catalog {
    let (name, created_at) = ("backup-2025-01-10-12-00.db", at("2025-01-10T12:00:00Z"));
    database(folder, name);
    let id = "00000000000000000000000000000007".parse().unwrap();
    let owner = Some(Owner { id, path: "/data/app.db".into(), host: "a".into() });
    let mut catalog = Catalog { owner, ..Catalog::default() };
    catalog.insert(point(folder, name, created_at));
    catalog.publish(folder, created_at).unwrap();
    catalog
}

fn names(points: &[RestorePoint]) -> Vec<&str> {
    points.iter().map(|point| point.file.as_str()).collect()
}

#[test]
fn the_name_of_the_next_file_is_announced_without_another_publication() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = ("backup-2025-01-10-12-01.db", "backup-2025-01-10-12-02.db");
    let mut catalog = owned(folder.path());
    // Another pod of the same database.
    catalog.owner.as_mut().unwrap().host = "b".into();
    let published = std::fs::read(folder.path().join(FILE)).unwrap();
    for name in ["pre-restore-2025-01-10-12-00-30-with-a-longer-name.db", ours] {
        catalog.announce(folder.path(), name, at("2025-01-10T12:01:00Z")).unwrap();
    }
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), published);
    // Both are there after a kill.
    database(folder.path(), ours);
    database(folder.path(), theirs);
    let read = Catalog::read(folder.path()).unwrap();
    assert_eq!((names(read.points()), names(read.unknown())), (vec![ours, "backup-2025-01-10-12-00.db"], vec![theirs]));
    // As long as it has no row, the next announcement does not take its place.
    read.announce(folder.path(), "backup-2025-01-10-12-03.db", at("2025-01-10T12:03:00Z")).unwrap();
    let read = Catalog::read(folder.path()).unwrap();
    assert_eq!((names(read.points()), names(read.unknown())), (vec![ours, "backup-2025-01-10-12-00.db"], vec![theirs]));
}

#[test]
fn a_new_owner_is_published_before_its_first_file_has_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = owned(folder.path());
    catalog.owner.as_mut().unwrap().id = "00000000000000000000000000000008".parse().unwrap();
    catalog.announce(folder.path(), "backup-2025-01-10-12-01.db", at("2025-01-10T12:01:00Z")).unwrap();
    assert_eq!(Catalog::read(folder.path()).unwrap().owner(), catalog.owner());
}

#[test]
fn a_torn_announcement_announces_nothing_and_ends_no_reading() {
    let folder = tempfile::tempdir().unwrap();
    owned(folder.path());
    database(folder.path(), "backup-2025-01-10-12-01.db");
    for torn in [&b""[..], b"backup-2025-01-10", b"\xff\xfe\0"] {
        std::fs::write(folder.path().join(".pra.announced"), torn).unwrap();
        assert_eq!(Catalog::read(folder.path()).unwrap().unknown().len(), 1, "{torn:?}");
    }
}

#[test]
fn a_file_of_another_size_than_recorded_is_damaged_however_valid_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let name = "backup-2025-01-10-12-00.db";
    database(folder.path(), name);
    let mut catalog = Catalog::default();
    catalog.insert(point(folder.path(), name, at("2025-01-10T12:00:00Z")));
    catalog.publish(folder.path(), at("2025-01-10T12:00:00Z")).unwrap();
    let other = rusqlite::Connection::open(folder.path().join(name)).unwrap();
    other.execute_batch("CREATE TABLE more (x); INSERT INTO more VALUES (zeroblob(100000))").unwrap();
    drop(other);
    let mut read = Catalog::read(folder.path()).unwrap();
    assert!(!read.points()[0].is_verified());
    read.record_unrecorded(folder.path(), at("2025-01-10T12:05:00Z"));
    let error = read.points()[0].error.as_deref().unwrap();
    assert!(error.contains("bytes where"), "it would be certified under the old name: {error}");
}

#[test]
fn a_missing_an_empty_and_a_damaged_catalog_mean_that_nothing_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Catalog::read(folder.path()).unwrap(), Catalog::default());
    for content in
        ["", "no database, but longer than a header: ................................................................"]
    {
        std::fs::write(folder.path().join(FILE), content).unwrap();
        assert_eq!(Catalog::read(folder.path()).unwrap(), Catalog::default());
    }
}

#[test]
fn a_folder_that_is_not_there_is_out_of_reach_and_not_empty() {
    let folder = tempfile::tempdir().unwrap();
    let error = Catalog::read(&folder.path().join("missing")).unwrap_err();
    assert_eq!(error.code(), pra_core::Code::OutOfReach);
}

#[test]
fn a_catalog_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Catalog::default().publish(folder.path(), at("2025-01-10T12:00:00Z")).unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
    drop(connection);
    assert_eq!(Catalog::read(folder.path()).unwrap_err().code(), pra_core::Code::Usage);
}

#[test]
fn publication_removes_stray_sidecars_and_leaves_a_file_in_rollback_mode() {
    let folder = tempfile::tempdir().unwrap();
    for suffix in files::SIDECARS {
        std::fs::write(folder.path().join(format!("{FILE}{suffix}")), "stray").unwrap();
    }
    Catalog::default().publish(folder.path(), at("2025-01-10T12:00:00Z")).unwrap();
    let names = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| !name.starts_with(".pra.")).collect::<Vec<_>>(), [FILE]);
    let bytes = std::fs::read(folder.path().join(FILE)).unwrap();
    assert!(!pra_core::header::Header::parse(&bytes).unwrap().is_wal());
}

#[test]
fn ages_are_counted_from_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path(), "backup-2025-01-10-12-00.db");
    let point = point(folder.path(), "backup-2025-01-10-12-00.db", at("2025-01-10T12:00:10Z"));
    assert_eq!(point.age(at("2025-01-10T12:00:52Z")), Duration::from_secs(42));
}
