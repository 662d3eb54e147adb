//! Damaged backups: each is found, named and never restored.

use std::fs;

use mini_pra_tests::Job;

use crate::museum::{Museum, add_and_back_up, cut, flip_bit, integrity, of, offset_in_a_free_page, position_of};

/// The damage is found by `verify`, keeps the restore point from being restored, and says what is to be read here.
#[track_caller]
fn is_found(museum: &Museum, verdict: &str) {
    let live = museum.live();
    let said = museum.verdict();
    assert!(said.contains(verdict), "{said}");

    let listed = Job::new("list", &museum.data).succeeds();
    let row = listed.as_array().unwrap().iter().find(|row| row["point"] == *museum.newer).unwrap().clone();
    assert!(row["verified"] == false || row["error"].is_string(), "{row}");

    let refused = Job::new("restore", &museum.data).args(&["--point", &museum.newer, "--yes"]).run();
    assert_eq!(refused.code, Some(4), "{}{}", refused.stdout, refused.stderr);
    assert_eq!(museum.live(), live, "nothing was touched");

    let report = Job::new("restore", &museum.data).args(&["--point", "latest", "--yes"]).succeeds();
    assert_eq!(report["point"], *museum.older, "the newest one that is good");
    assert_eq!(museum.live(), of(&[("a", 15)]));
}

/// `integrity_check` says ok to it.
#[track_caller]
fn is_silent(museum: &Museum) {
    assert_eq!(integrity(&museum.path(&museum.newer)), "ok", "the trap is not there");
}

#[test]
fn a_flipped_bit_inside_a_value_is_found_though_integrity_check_finds_nothing() {
    let museum = Museum::new();
    let path = museum.path(&museum.newer);
    flip_bit(&path, position_of(&path, "b-3 xxx") + 50);
    is_silent(&museum);
    is_found(&museum, "'backup/NEWER' is damaged: it reads back as ");
}

#[test]
fn a_flipped_bit_in_a_free_page_is_found() {
    let museum = Museum::new();
    let path = museum.path(&museum.newer);
    flip_bit(&path, offset_in_a_free_page(&path));
    is_silent(&museum);
    is_found(&museum, "it reads back as ");
}

#[test]
fn a_flipped_bit_in_the_header_is_found() {
    let museum = Museum::new();
    flip_bit(&museum.path(&museum.newer), 5);
    is_found(&museum, "'backup/NEWER' is damaged: the file is not a SQLite database, or it is encrypted");
}

#[test]
fn a_flipped_bit_in_the_change_counter_is_found() {
    let museum = Museum::new();
    flip_bit(&museum.path(&museum.newer), 27);
    is_found(&museum, "is damaged: ");
}

#[test]
fn a_truncated_backup_is_found() {
    let museum = Museum::new();
    let path = museum.path(&museum.newer);
    cut(&path, path.metadata().unwrap().len() - 4096);
    is_found(&museum, "it is cut off");
}

#[test]
fn a_backup_cut_within_its_header_is_found() {
    let museum = Museum::new();
    cut(&museum.path(&museum.newer), 60);
    is_found(&museum, "is damaged: ");
}

#[test]
fn an_empty_file_is_no_backup() {
    let museum = Museum::new();
    cut(&museum.path(&museum.newer), 0);
    is_found(&museum, "'backup/NEWER' is damaged: the file is empty (0 bytes)");
}

#[test]
fn a_file_that_is_no_database_is_no_backup() {
    let museum = Museum::new();
    fs::write(museum.path(&museum.newer), "a letter to my grandmother\n".repeat(400)).unwrap();
    is_found(&museum, "'backup/NEWER' is damaged: the file is not a SQLite database, or it is encrypted");
}

/// `integrity_check` passes on a valid but older database: only its content tells.
#[test]
fn an_older_database_under_the_name_of_a_newer_backup_is_found() {
    let mut museum = Museum::new();
    fs::remove_file(museum.path(&museum.newer)).unwrap();
    museum.newer = add_and_back_up(&museum.data, &museum.data.open(), "d", 40);
    let size = |name: &str| museum.path(name).metadata().unwrap().len();
    assert!(size(&museum.older) < size(&museum.newer));
    fs::copy(museum.path(&museum.older), museum.path(&museum.newer)).unwrap();
    is_silent(&museum);
    is_found(&museum, "is damaged: ");
}

/// The same, of the same size: the catalog's size tells nothing.
#[test]
fn an_older_database_of_the_same_size_is_found() {
    let museum = Museum::new();
    let database = museum.data.open();
    database.run("UPDATE events SET message = replace(message, 'c-', 'd-')");
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    let first = report["file"].as_str().unwrap();
    database.run("UPDATE events SET message = replace(message, 'd-', 'e-')");
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    let second = report["file"].as_str().unwrap().to_owned();
    assert_eq!(museum.path(first).metadata().unwrap().len(), museum.path(&second).metadata().unwrap().len());

    fs::copy(museum.path(first), museum.path(&second)).unwrap();
    assert_eq!(integrity(&museum.path(&second)), "ok", "the trap is not there");
    let answer = Job::new("verify", &museum.data).arg(&second).fails_with(4);
    assert!(answer.stdout.contains("it reads back as"), "{}", answer.stdout);
    Job::new("restore", &museum.data).args(&["--point", &second, "--yes"]).fails_with(4);
}

#[test]
fn a_damaged_backup_is_not_linked_to_again() {
    let museum = Museum::new();
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    let newest = museum.path(report["file"].as_str().unwrap());
    flip_bit(&newest, position_of(&newest, "b-3 xxx") + 50);
    let report = Job::new("backup", &museum.data).arg("--no-prune").succeeds();
    assert_eq!(report["unchanged"], false, "a copy that has rotted must not be certified again");
    Job::new("verify", &museum.data).arg(report["file"].as_str().unwrap()).succeeds();
}

#[test]
fn a_point_that_is_not_there_is_named() {
    let museum = Museum::new();
    let answer =
        Job::new("restore", &museum.data).args(&["--point", "backup-2001-01-01-00-00.db", "--yes"]).fails_with(3);
    assert!(answer.message().contains("backup-2001-01-01-00-00.db"), "{}", answer.message());
}

/// What a killed run leaves is no restore point, and the next run removes it.
#[test]
fn a_temporary_file_is_never_listed_and_does_not_stay() {
    let museum = Museum::new();
    let left = museum.path(".pra-tmp-backup-2025-01-10-12-00.db");
    fs::copy(museum.path(&museum.newer), &left).unwrap();
    let listed = Job::new("list", &museum.data).succeeds();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    Job::new("backup", &museum.data).succeeds();
    assert!(!left.exists());
}
