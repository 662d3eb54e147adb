//! The catalog, as the application reads it on a read-only mount.

use std::fs;

use mini_pra_tests::{Database, Host, Job, ReadOnly, sqlite3};
use rusqlite::{Connection, OpenFlags};

use crate::museum::{Museum, beside};

/// What `/status` says: the newest backup's name, or null.
fn last_backup(museum: &Museum) -> serde_json::Value {
    let host = Host::start(&museum.data);
    host.client().get_json("/status")["last_backup_file"].clone()
}

/// Reads the catalog as Spin opens it, which knows nothing of a read-only mount.
fn read_on_a_read_only_mount(museum: &Museum) -> rusqlite::Result<i64> {
    let _mount = ReadOnly::mount(&museum.data.backups());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(museum.data.catalog(), flags)
        .and_then(|catalog| catalog.query_row("SELECT count(*) FROM restore_points", [], |row| row.get(0)))
}

#[test]
fn a_stray_wal_or_journal_makes_the_catalog_unreadable_until_the_next_publication() {
    for suffix in ["-journal", "-wal"] {
        let museum = Museum::new();
        let stray = beside(&museum.data.catalog(), suffix);
        // A journal that SQLite takes for hot: its header is that of one whose transaction was not finished.
        let mut journal = vec![0; 512];
        journal[..8].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
        fs::write(&stray, if suffix == "-journal" { journal } else { Vec::new() }).unwrap();
        if suffix == "-wal" {
            // With a WAL header in its own file, SQLite looks for the WAL.
            let catalog = Connection::open(museum.data.catalog()).unwrap();
            catalog.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).unwrap();
        }
        assert!(read_on_a_read_only_mount(&museum).is_err(), "{suffix}: the trap is not there");
        Job::new("backup", &museum.data).arg("--no-prune").succeeds();
        assert!(!stray.exists(), "{suffix}");
        assert_eq!(read_on_a_read_only_mount(&museum).unwrap(), 3, "{suffix}");
    }
}

#[test]
fn a_catalog_of_0_bytes_left_by_spin_means_no_backup_and_is_made_again() {
    let museum = Museum::new();
    fs::write(museum.data.catalog(), "").unwrap();
    assert_eq!(last_backup(&museum), serde_json::Value::Null);

    let listed = Job::new("list", &museum.data).succeeds();
    assert_eq!(listed.as_array().unwrap().len(), 2, "the files are the truth: {listed}");
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    assert_eq!(last_backup(&museum), report["file"]);
    assert_eq!(sqlite3(&museum.data.catalog(), "SELECT count(*) FROM restore_points"), "3", "all are known again");
}

#[test]
fn a_catalog_that_is_no_database_hides_no_backup() {
    let museum = Museum::new();
    fs::write(museum.data.catalog(), "a letter\n".repeat(1000)).unwrap();
    let listed = Job::new("list", &museum.data).succeeds();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    assert_eq!(last_backup(&museum), report["file"]);
}

#[test]
fn the_catalog_and_every_backup_open_on_a_read_only_mount() {
    let museum = Museum::new();
    let plain = museum.path("plain-copy.db");
    fs::copy(museum.data.database(), &plain).unwrap();
    let _mount = ReadOnly::mount(&museum.data.backups());
    let read = |name: &str, sql: &str| {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let database = Connection::open_with_flags(museum.path(name), flags)?;
        database.query_row(sql, [], |row| row.get::<_, i64>(0))
    };
    let error = read("plain-copy.db", "SELECT count(*) FROM events").unwrap_err();
    assert!(error.to_string().contains("unable to open"), "the trap is not there: {error}");

    assert_eq!(read(&museum.newer, "SELECT count(*) FROM events").unwrap(), 20);
    assert_eq!(read("catalog.db", "SELECT count(*) FROM restore_points").unwrap(), 2);
}

#[test]
fn the_catalog_is_replaced_whole_while_the_application_reads_it() {
    let museum = Museum::new();
    let reader = Database::open(&museum.data.catalog());
    let before: i64 = reader.get("SELECT count(*) FROM restore_points", []);
    Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    assert_eq!(reader.get::<i64>("SELECT count(*) FROM restore_points", []), before, "the reader's file stays whole");
    assert_eq!(
        Database::open(&museum.data.catalog()).get::<i64>("SELECT count(*) FROM restore_points", []),
        before + 1
    );
}
