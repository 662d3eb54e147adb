//! The files beside a database: nothing ties them to it.

use std::fs;

use mini_pra_tests::{Data, Job, sqlite3};

use crate::museum::{Museum, add, application, beside, copy_with_wal, of, rounds};

/// A data folder with a verified backup of 40 events and, kept apart, the WAL of an earlier life of the database: all
/// of its pages, with 3 events.
struct EarlierLife {
    data: Data,
    wal: tempfile::TempPath,
    backup: String,
}

impl EarlierLife {
    fn new() -> Self {
        let data = Data::new();
        let database = application(&data);
        add(&database, "early", 3);
        let wal = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        fs::copy(beside(&data.database(), "-wal"), &wal).unwrap();
        add(&database, "late", 37);
        let report = Job::new("backup", &data).succeeds();
        drop(database);
        fs::remove_file(data.database()).unwrap();
        Self { data, wal, backup: report["file"].as_str().unwrap().to_owned() }
    }

    fn put_stale(&self) {
        fs::copy(&self.wal, beside(&self.data.database(), "-wal")).unwrap();
    }

    #[track_caller]
    fn is_whole(&self) {
        let database = self.data.open();
        assert_eq!(rounds(&database), of(&[("early", 3), ("late", 37)]));
        assert_eq!(database.integrity(), "ok");
    }
}

#[test]
fn a_stale_wal_is_replayed_into_a_plain_copy_and_integrity_check_finds_nothing() {
    let life = EarlierLife::new();
    let database = life.data.database();
    life.put_stale();
    fs::copy(life.data.backups().join(&life.backup), &database).unwrap();
    // Whatever the header says: the copy is in rollback-journal mode.
    assert_eq!(fs::read(&database).unwrap()[18..20], [1, 1]);
    assert_eq!(sqlite3(&database, "SELECT count(*) FROM events; PRAGMA integrity_check"), "3\nok");
}

#[test]
fn restore_and_init_remove_a_stale_wal_before_the_file_is_in_place() {
    for verb in ["restore", "init"] {
        let life = EarlierLife::new();
        life.put_stale();
        let job = Job::new(verb, &life.data);
        if verb == "restore" {
            job.arg("--yes").succeeds()
        } else {
            job.succeeds()
        };
        life.is_whole();
    }
}

#[test]
fn a_restore_over_a_missing_file_leaves_no_journal_and_no_shared_memory_of_the_old_one() {
    let life = EarlierLife::new();
    for suffix in ["-journal", "-shm"] {
        fs::write(beside(&life.data.database(), suffix), vec![0xd9; 4096]).unwrap();
    }
    Job::new("restore", &life.data).arg("--yes").succeeds();
    assert!(!beside(&life.data.database(), "-journal").exists());
    life.is_whole();
}

#[test]
fn a_replacement_of_a_file_with_a_stale_wal_shows_the_restore_point() {
    let life = EarlierLife::new();
    fs::write(life.data.database(), "a letter\n".repeat(2000)).unwrap();
    life.put_stale();
    Job::new("restore", &life.data).arg("--yes").succeeds();
    life.is_whole();
}

/// Backups are in rollback-journal mode; a file that was merely copied back would stay so, and slow, and unwatched.
#[test]
fn a_restored_file_comes_up_in_wal_mode() {
    let museum = Museum::new();
    let mode = |path: &std::path::Path| fs::read(path).unwrap()[18..20].to_vec();
    assert_eq!(mode(&museum.path(&museum.newer)), [1, 1], "the trap is not there");

    for suffix in ["", "-wal"] {
        fs::remove_file(beside(&museum.data.database(), suffix)).unwrap();
    }
    Job::new("restore", &museum.data).arg("--yes").succeeds();
    assert_eq!(mode(&museum.data.database()), [2, 2], "in the file itself, before a program opens it");
    assert_eq!(museum.data.open().journal_mode(), "wal");
}

#[test]
fn a_plain_copy_of_a_database_at_work_is_torn_and_a_backup_is_not() {
    let data = Data::new();
    let database = application(&data);
    add(&database, "a", 200);
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    // What `cp` does while the application goes on: it reads the first half, the application writes and checkpoints,
    // it reads the second half.
    let half = fs::metadata(data.database()).unwrap().len() as usize / 2 / 4096 * 4096;
    let mut torn = fs::read(data.database()).unwrap()[..half].to_vec();
    database.run("DELETE FROM events WHERE id > 20; CREATE TABLE other AS SELECT id, message AS text FROM events");
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    torn.extend_from_slice(&fs::read(data.database()).unwrap()[half..]);
    let copy = data.path().join("copy.db");
    fs::write(&copy, torn).unwrap();
    assert_ne!(sqlite3(&copy, "PRAGMA integrity_check"), "ok", "the trap is not there");

    // And a copy without its WAL is old.
    add(&database, "c", 50);
    fs::copy(data.database(), &copy).unwrap();
    assert!(!sqlite3(&copy, "SELECT count(*) FROM events WHERE message LIKE 'c-%'").contains("50"));

    let report = Job::new("backup", &data).succeeds();
    let backup = data.backups().join(report["file"].as_str().unwrap());
    assert_eq!(
        sqlite3(&backup, "PRAGMA integrity_check; SELECT count(*) FROM events WHERE message LIKE 'c-%'"),
        "ok\n50"
    );
}

/// With an application that died, the WAL beside the file is not stale: it holds what was acknowledged last.
#[test]
fn the_wal_of_an_application_that_died_is_backed_up_with_its_database() {
    let museum = Museum::new();
    let without = museum.data.path().join("without.db");
    fs::copy(museum.data.database(), &without).unwrap();
    assert_eq!(sqlite3(&without, "SELECT count(*) FROM sqlite_schema"), "0", "the trap is not there");

    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    assert_eq!(report["events"], 23);
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5), ("c", 3)]));
}

/// A replacement first writes the WAL into the file that it replaces: its last state can be had again.
#[test]
fn a_replacement_keeps_the_last_state_with_its_wal() {
    let museum = Museum::new();
    let report =
        Job::new("restore", &museum.data).args(&["--mode", "replace", "--point", &museum.older, "--yes"]).succeeds();
    assert_eq!(museum.live(), of(&[("a", 15)]));
    let copy = report["safety_copy"].as_str().unwrap();
    Job::new("restore", &museum.data).args(&["--mode", "replace", "--point", copy, "--yes"]).succeeds();
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5), ("c", 3)]));
}

#[test]
fn a_copy_with_its_wal_reads_the_same_as_the_database() {
    let museum = Museum::new();
    let copy = museum.data.path().join("copy.db");
    copy_with_wal(&museum.data.database(), &copy);
    assert_eq!(sqlite3(&copy, "SELECT count(*) FROM events"), "23", "no process writes, so that even `cp` is right");
}
