use super::damage::flip;
use super::*;

#[test]
fn an_encrypted_backup_is_recorded_and_nothing_plain_lies_in_the_backup_folder() {
    let scene = Scene::new();
    let report = scene.backup();
    assert!(report.file.ends_with(".db.age") && report.encrypted && report.verified, "{report:?}");
    assert_eq!(report.events, Some(3));
    let catalog = scene.catalog();
    let point = catalog.newest_backup().unwrap();
    let bytes = fs::read(scene.stored(&report.file)).unwrap();
    assert!(store::encryption::is_encrypted(&bytes));
    assert_eq!((point.bytes, point.encrypted), (bytes.len() as u64, true));
    assert_eq!(point.file_checksum.unwrap().get(), ltx::checksum(&bytes));
    scene.assert_tidy();
}

#[test]
fn what_is_encrypted_has_the_content_of_a_plain_backup() {
    let scene = Scene::new();
    let encrypted = scene.backup();
    let plain = scene.backup_for(None).unwrap();
    assert!(!plain.unchanged);
    let catalog = scene.catalog();
    let of = |name: &str| catalog.points().iter().find(|point| point.file == name).unwrap().checksums();
    assert_eq!(of(&encrypted.file), of(&plain.file));
}

#[test]
fn an_unchanged_backup_is_a_link_only_where_it_is_encrypted_for_the_same_ones() {
    let scene = Scene::new();
    let other = key(&scene.path("other"));
    let both = Recipients::parse(scene.recipients.shown().iter().chain(&other.shown()).map(String::as_str)).unwrap();
    let turned = Recipients::parse(other.shown().iter().chain(&scene.recipients.shown()).map(String::as_str)).unwrap();
    let mut files = Vec::new();
    for (recipients, linked) in [
        (Some(&scene.recipients), false),
        (Some(&scene.recipients), true),
        (Some(&both), false),
        (Some(&turned), true),
        (Some(&other), false),
        (None, false),
        (None, true),
        (Some(&scene.recipients), false),
    ] {
        let report = scene.backup_for(recipients).unwrap();
        assert_eq!(report.unchanged, linked, "{recipients:?}");
        let number = inode(&scene.stored(&report.file));
        assert_eq!(files.contains(&number), linked, "{recipients:?}");
        files.push(number);
    }
}

#[test]
fn without_the_newest_an_older_one_with_other_recipients_is_not_linked() {
    let scene = Scene::new();
    let other = key(&scene.path("other"));
    scene.backup_for(Some(&other)).unwrap();
    let newest = scene.backup();
    fs::remove_file(scene.stored(&newest.file)).unwrap();
    assert!(!scene.backup().unchanged);
}

#[test]
fn an_encrypted_backup_that_has_rotted_is_not_linked_again() {
    let scene = Scene::new();
    let first = scene.backup();
    flip(&scene.stored(&first.file), 5000);
    let second = scene.backup();
    assert!(!second.unchanged);
    assert_ne!(inode(&scene.stored(&first.file)), inode(&scene.stored(&second.file)));
}

#[test]
fn a_dry_run_leaves_nothing_and_no_room_is_said_before_anything_is_written() {
    let scene = Scene::new();
    let options = backup::Options {
        database: scene.database(),
        backups: scene.path("backup"),
        keep: None,
        wait: SECOND,
        now: Timestamp::now(),
        dry_run: true,
        recipients: Some(scene.recipients.clone()),
        adopt_backups: false,
    };
    assert!(backup::take(&options).unwrap().encrypted);
    assert!(scene.catalog().points().is_empty());
    scene.assert_tidy();
    assert!(room(1 << 40) > 1 << 40 && room(0) > 0 && room(u64::MAX) == u64::MAX);
}

#[test]
fn a_damaged_database_is_told_and_is_not_encrypted() {
    let scene = Scene::new();
    scene.sql("CREATE INDEX by_message ON events(message); PRAGMA wal_checkpoint(TRUNCATE)");
    scene.sql("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'by_message'");
    let error = scene.backup_for(Some(&scene.recipients)).unwrap_err();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    assert!(scene.catalog().points().is_empty());
    scene.assert_tidy();
}

#[test]
fn databases_of_every_page_size_are_encrypted_and_opened() {
    for size in [512, 1024, 4096, 65_536] {
        let scene = Scene::new();
        scene.sql(&format!("PRAGMA journal_mode=DELETE; PRAGMA page_size={size}; VACUUM"));
        scene.add(40);
        let report = scene.backup();
        scene.lose();
        scene.restore(&report.file, scene.keys("key")).unwrap();
        assert_eq!(scene.events(), Some(43));
    }
}
