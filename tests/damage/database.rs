//! Databases that are not what the verbs expect: the error for each.

use std::fs;

use mini_pra_tests::{Data, Database, Job, JobAnswer};

use crate::museum::{Museum, add, application, beside, flip_bit, of, page_size, position_of, rounds, schema};

/// Puts this file in the database's place.
fn in_place_of_the_database(museum: &Museum, bytes: &[u8]) {
    fs::remove_file(beside(&museum.data.database(), "-wal")).unwrap();
    fs::write(museum.data.database(), bytes).unwrap();
}

fn backup(museum: &Museum) -> JobAnswer {
    Job::new("backup", &museum.data).run()
}

#[test]
fn each_kind_of_bad_database_is_told_apart_and_never_backed_up() {
    let damaged = {
        let museum = Museum::new();
        let path = museum.path(&museum.newer);
        let mut bytes = fs::read(path).unwrap();
        bytes[2 * 4096..3 * 4096].fill(0xa5);
        bytes
    };
    let exhibits: [(&str, Vec<u8>, i32, &str); 4] = [
        ("0 bytes, left by Spin", Vec::new(), 1, "has no tables: there is nothing to back up"),
        ("no database", b"a letter to my grandmother\n".repeat(400), 4, "file is not a database"),
        ("cut within the header", b"SQLite format 3\0abc".to_vec(), 4, "file is not a database"),
        ("a page overwritten", damaged, 4, "is damaged"),
    ];
    for (name, bytes, code, words) in exhibits {
        let museum = Museum::new();
        in_place_of_the_database(&museum, &bytes);
        let answer = backup(&museum);
        assert_eq!(answer.code, Some(code), "{name}: {}{}", answer.stdout, answer.stderr);
        let said = museum.without_folder(&answer.message());
        assert!(said.contains(words), "{name}: {said}");
        assert_eq!(Job::new("list", &museum.data).succeeds().as_array().unwrap().len(), 2, "{name}");
        assert_eq!(museum.data.backup_names().len(), 3, "{name}: no temporary stays: {:?}", museum.data.backup_names());
    }
}

#[test]
fn a_missing_database_is_named() {
    let museum = Museum::new();
    fs::remove_file(museum.data.database()).unwrap();
    let answer = backup(&museum);
    assert_eq!(answer.code, Some(1));
    let said = museum.without_folder(&answer.message());
    assert!(said.starts_with("there is no database at 'data/app.db'"), "{said}");
    assert!(!museum.data.database().exists(), "looking for it does not make it");
}

#[test]
fn a_missing_folder_is_named() {
    let museum = Museum::new();
    fs::remove_dir_all(museum.data.path().join("data")).unwrap();
    for verb in ["backup", "restore", "init"] {
        let job = Job::new(verb, &museum.data);
        let answer = if verb == "restore" { job.arg("--yes") } else { job }.run();
        assert!(answer.code.is_some_and(|code| code != 0), "{verb}");
        assert!(answer.message().contains("data"), "{verb}: {}", answer.message());
    }
}

#[test]
fn a_damaged_database_is_replaced_by_a_restore_and_never_by_init() {
    let museum = Museum::new();
    in_place_of_the_database(&museum, &b"a letter to my grandmother\n".repeat(400));
    Job::new("init", &museum.data).fails_with(4);
    assert!(fs::read(museum.data.database()).unwrap().starts_with(b"a letter"), "init overwrites nothing");

    let report = Job::new("restore", &museum.data).arg("--yes").succeeds();
    assert_eq!(report["mode"], "replace");
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5)]));
}

/// Another page size cannot be written page by page, nor by the backup API into a database in WAL mode.
#[test]
fn a_backup_of_another_page_size_is_restored_by_replacement() {
    let data = Data::new();
    let database = Database::create(&data.database());
    database.run("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL");
    database.run(&schema());
    add(&database, "a", 30);
    let point = Job::new("backup", &data).succeeds()["file"].as_str().unwrap().to_owned();
    drop(database);
    fs::remove_file(data.database()).unwrap();
    drop(application(&data));
    assert_eq!(page_size(&data.database()), 4096);

    let refused = Job::new("restore", &data).args(&["--mode", "in-place", "--point", &point, "--yes"]).fails_with(2);
    let said = refused.message();
    assert!(said.contains("the database has pages of 4096 bytes, the restore point of 8192"), "{said}");
    assert_eq!(rounds(&data.open()), of(&[]), "nothing was touched");
    let report = Job::new("restore", &data).args(&["--point", &point, "--yes"]).succeeds();
    assert_eq!(report["mode"], "replace");
    assert_eq!(page_size(&data.database()), 8192);
    assert_eq!(rounds(&data.open()), of(&[("a", 30)]));
}

/// A row whose bit has flipped passes `integrity_check`: it is backed up as it is. What was lost can be seen by
/// comparing, which is what a restore in place does.
#[test]
fn a_flipped_bit_in_the_live_database_is_undone_by_a_restore_in_place() {
    let museum = Museum::new();
    Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    let database = museum.data.open();
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(database);
    let path = museum.data.database();
    flip_bit(&path, position_of(&path, "a-3 xxx") + 50);
    assert_eq!(museum.data.open().integrity(), "ok", "the trap is not there");
    let report = Job::new("restore", &museum.data).args(&["--mode", "in-place", "--yes"]).succeeds();
    assert_eq!(report["mode"], "in-place");
    assert!(museum.data.open().messages().iter().all(|message| message.ends_with("xxx")));
}
