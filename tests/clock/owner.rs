//! Whose backups they are: a folder belongs to one database.

use std::fs;

use mini_pra_tests::{Data, Database, Job};

/// A second database beside the first one.
fn auxiliary(data: &Data) -> std::path::PathBuf {
    let path = data.path().join("data/auxiliary.db");
    Database::create(&path).run("PRAGMA journal_mode = WAL; CREATE TABLE logs (line); INSERT INTO logs VALUES ('x')");
    path
}

fn first(data: &Data) -> String {
    let database = Database::create(&data.database());
    database.run("PRAGMA journal_mode = WAL; CREATE TABLE records (name); INSERT INTO records VALUES ('r')");
    Job::new("backup", data).succeeds()["file"].as_str().unwrap().to_owned()
}

#[test]
fn another_databases_backup_folder_is_refused_by_every_verb_that_would_mix_them() {
    let data = Data::new();
    let file = first(&data);
    let other = auxiliary(&data);
    for arguments in
        [&["backup", "--keep-last", "1"][..], &["restore", "--yes"], &["restore", "--yes", "--point", &file]]
    {
        let refused = Job::new(arguments[0], &data).env("PRA_DATABASE", &other).args(&arguments[1..]).fails_with(2);
        let words = refused.message();
        assert!(words.contains("app.db") && words.contains("auxiliary.db"), "{words}");
    }
    fs::remove_file(&other).unwrap();
    Job::new("init", &data).env("PRA_DATABASE", &other).fails_with(2);
    assert_eq!(data.backup_names(), [file, "catalog.db".to_owned()]);
}

#[test]
fn two_databases_of_one_folder_each_come_back_from_a_folder_of_their_own() {
    let data = Data::new();
    first(&data);
    let (other, folder) = (auxiliary(&data), data.path().join("auxiliary-backup"));
    fs::create_dir(&folder).unwrap();
    let of_other = |verb: &str| Job::new(verb, &data).env("PRA_DATABASE", &other).env("PRA_BACKUPS", &folder);
    of_other("backup").succeeds();
    fs::remove_dir_all(data.path().join("data")).unwrap();
    fs::create_dir(data.path().join("data")).unwrap();
    Job::new("init", &data).succeeds();
    of_other("init").succeeds();
    assert_eq!(data.open().get::<String>("SELECT name FROM records", []), "r");
    assert_eq!(Database::open(&other).get::<String>("SELECT line FROM logs", []), "x");
    Job::new("backup", &data).succeeds();
    of_other("backup").succeeds();
    let listed = of_other("list").succeeds();
    assert!(listed[0]["database"]["path"].as_str().unwrap().ends_with("data/auxiliary.db"), "{listed}");
}

#[test]
fn a_database_that_was_renamed_takes_its_backups_along_where_somebody_says_so() {
    let data = Data::new();
    first(&data);
    let renamed = data.path().join("data/renamed.db");
    fs::rename(data.database(), &renamed).unwrap();
    let job = || Job::new("backup", &data).env("PRA_DATABASE", &renamed);
    job().fails_with(2);
    job().arg("--adopt-backups").succeeds();
    job().succeeds();
}

#[test]
fn the_folder_of_the_database_is_no_backup_folder() {
    let data = Data::new();
    first(&data);
    let folder = data.path().join("data");
    for arguments in [&["backup"][..], &["restore", "--yes"], &["init"]] {
        let job = Job::new(arguments[0], &data).env("PRA_BACKUPS", &folder).args(&arguments[1..]);
        let words = job.fails_with(2).message();
        assert!(words.contains("own folder"), "{words}");
    }
}
