//! Emptiness is never taken for the truth: a lost volume is not a first installation.

use std::fs;

use mini_pra_tests::{Data, Host, Job};
use rusqlite::Connection;

use crate::museum::{Museum, application, beside, flip_bit, of, position_of};

/// Nothing of the database is left.
fn lose_the_volume(museum: &Museum) {
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(&museum.data.database(), suffix);
        if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn the_application_does_not_start_empty_beside_backups_and_init_brings_them_back() {
    let museum = Museum::new();
    lose_the_volume(&museum);
    {
        let host = Host::start(&museum.data);
        let answer = host.client().get("/ready");
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(host.client().get("/add?message=new").status, 503, "nothing is acknowledged into emptiness");
    }
    // Spin and host make the file where they look for it.
    assert_eq!(fs::metadata(museum.data.database()).map_or(0, |meta| meta.len()), 0);

    let report = Job::new("init", &museum.data).succeeds();
    assert_eq!((&report["outcome"], &report["events"]), (&"restored".into(), &20.into()), "{report}");
    let host = Host::start(&museum.data);
    assert_eq!(host.client().get_json("/count")["count"], 20);
}

#[test]
fn a_database_without_tables_is_restored_into() {
    let museum = Museum::new();
    lose_the_volume(&museum);
    let empty = Connection::open(museum.data.database()).unwrap();
    empty.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).unwrap();
    drop(empty);
    Job::new("init", &museum.data).succeeds();
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5)]));
}

#[test]
fn a_database_with_tables_is_kept_as_it_is() {
    let museum = Museum::new();
    let report = Job::new("init", &museum.data).succeeds();
    assert_eq!(report["outcome"], "kept");
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5), ("c", 3)]));
}

/// A backup folder that is not there (not mounted, mistyped) says nothing about whether there are backups.
#[test]
fn a_missing_backup_folder_is_out_of_reach_and_not_empty() {
    let data = Data::new();
    fs::remove_dir_all(data.backups()).unwrap();
    let answer = Job::new("init", &data).fails_with(6);
    assert!(answer.message().contains("failed to list the folder"), "{}", answer.message());
    assert!(!data.database().exists(), "no empty application was made");
    for verb in ["list", "verify"] {
        Job::new(verb, &data).fails_with(6);
    }
}

#[test]
fn a_first_installation_gets_the_schema() {
    let data = Data::new();
    let report = Job::new("init", &data).succeeds();
    assert_eq!(report["outcome"], "created");
    assert_eq!(data.open().messages(), Vec::<String>::new());
    assert_eq!(data.open().journal_mode(), "wal");
}

#[test]
fn an_empty_database_never_becomes_the_newest_backup() {
    let museum = Museum::new();
    lose_the_volume(&museum);
    fs::write(museum.data.database(), "").unwrap();
    let answer = Job::new("backup", &museum.data).fails_with(1);
    assert!(answer.message().contains("has no tables"), "{}", answer.message());
    assert_eq!(Job::new("list", &museum.data).succeeds()[0]["point"], *museum.newer);
}

#[test]
fn init_with_nothing_but_damaged_backups_makes_no_empty_application() {
    let museum = Museum::new();
    lose_the_volume(&museum);
    for (name, text) in [(&museum.older, "a-3 xxx"), (&museum.newer, "b-3 xxx")] {
        flip_bit(&museum.path(name), position_of(&museum.path(name), text) + 50);
    }
    let answer = Job::new("init", &museum.data).fails_with(4);
    assert!(!answer.message().is_empty());
    assert_eq!(fs::metadata(museum.data.database()).map_or(0, |meta| meta.len()), 0);
}

/// No table of ours in the user's schema, whatever was done to it.
#[test]
fn no_table_is_added_to_the_schema() {
    let schema = |data: &Data| -> String {
        let sql =
            "SELECT group_concat(type || ' ' || name, ', ') FROM (SELECT * FROM sqlite_schema ORDER BY type, name)";
        data.open().get(sql, [])
    };
    let data = Data::new();
    drop(application(&data));
    let before = schema(&data);
    let report = Job::new("backup", &data).succeeds();
    let point = report["file"].as_str().unwrap();
    for mode in ["in-place", "replace"] {
        data.open().add(["one"]);
        Job::new("restore", &data).args(&["--mode", mode, "--point", point, "--yes"]).succeeds();
        assert_eq!(schema(&data), before, "{mode}");
    }
    Job::new("init", &data).succeeds();
    Job::new("verify", &data).succeeds();
    Job::new("replicate", &data).arg("--once").succeeds();
    assert_eq!(schema(&data), before);
}
