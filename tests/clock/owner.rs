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
    for arguments in [
        &["backup", "--keep-last", "1"][..],
        &["restore", "--yes"],
        &["restore", "--yes", "--point", &file],
        &["prune", "--keep-last", "1"],
        &["verify"],
    ] {
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

/// A backup of another database, under the name of one that was made last.
fn foreign(data: &Data) -> String {
    let in_a_moment = jiff::Timestamp::from_millisecond(mini_pra_tests::now_ms() + 120_000).unwrap();
    let name = in_a_moment.strftime("backup-%Y-%m-%d-%H-%M.db").to_string();
    let path = data.backups().join(&name);
    Database::create(&path).run("CREATE TABLE logs (line); INSERT INTO logs VALUES ('not ours')");
    name
}

fn row(data: &Data, point: &str) -> serde_json::Value {
    let listed = Job::new("list", data).succeeds();
    let row = listed.as_array().unwrap().iter().find(|row| row["point"] == point).cloned();
    row.unwrap_or_else(|| panic!("{point} is not in {listed}"))
}

#[test]
fn a_file_that_the_catalog_does_not_know_is_shown_and_never_chosen_pruned_or_recorded() {
    let data = Data::new();
    first(&data);
    let foreign = foreign(&data);
    assert_eq!(row(&data, &foreign)["unknown"], true);
    for arguments in [&["backup", "--keep-last", "1"][..], &["verify"], &["prune", "--keep-last", "1"]] {
        Job::new(arguments[0], &data).args(&arguments[1..]).succeeds();
        assert_eq!(row(&data, &foreign)["unknown"], true, "{arguments:?}");
        assert_eq!(row(&data, &foreign)["verified"], false, "{arguments:?}");
    }
    assert_eq!(Job::new("verify", &data).arg(&foreign).succeeds()[0]["verified"], true);
    assert_eq!(row(&data, &foreign)["unknown"], true, "to look at it is not to take it over");
    assert_ne!(Job::new("restore", &data).arg("--yes").succeeds()["point"], *foreign);
    fs::remove_file(data.database()).unwrap();
    assert_ne!(Job::new("init", &data).succeeds()["point"], *foreign);
    assert_eq!(data.open().get::<String>("SELECT name FROM records", []), "r");
}

#[test]
fn a_file_that_the_catalog_does_not_know_is_restored_by_its_name_and_adopted_by_a_flag() {
    let data = Data::new();
    first(&data);
    let foreign = foreign(&data);
    let plan = Job::new("restore", &data).args(&["--point", &foreign, "--dry-run"]).succeeds();
    assert!(plan["plan"]["warnings"][0].as_str().unwrap().contains("does not know"), "{plan}");
    Job::new("restore", &data).args(&["--point", &foreign, "--yes"]).succeeds();
    assert_eq!(data.open().get::<String>("SELECT line FROM logs", []), "not ours");
    Job::new("verify", &data).args(&[&foreign, "--adopt-backups"]).succeeds();
    let row = row(&data, &foreign);
    assert!(row.get("unknown").is_none() && row["verified"] == true, "{row}");
}

#[test]
fn an_application_is_not_started_empty_beside_backups_that_nobody_knows() {
    let data = Data::new();
    let file = first(&data);
    fs::rename(data.backups().join(&file), data.backups().join("backup-2025-01-10-12-00.db")).unwrap();
    fs::remove_file(data.database()).unwrap();
    Job::new("init", &data).fails_with(4);
    assert!(!data.database().exists());
    let report = Job::new("init", &data).arg("--adopt-backups").succeeds();
    assert_eq!(report["point"], "backup-2025-01-10-12-00.db");
}

#[test]
fn a_folder_without_a_catalog_gives_a_database_only_files_with_tables_of_its_own() {
    let data = Data::new();
    let file = first(&data);
    let foreign = foreign(&data);
    fs::remove_file(data.catalog()).unwrap();
    Job::new("backup", &data).arg("--no-prune").succeeds();
    assert_eq!(row(&data, &file)["verified"], true);
    assert_eq!(row(&data, &foreign)["unknown"], true);
}
