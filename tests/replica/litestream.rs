//! Stock Litestream as an oracle: it restores the same from our files as we do, after `age` has decrypted them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mini_pra_tests::{Data, Database, Job, Minio, Store, backup_job, named, stored_files, wait_until};
use tempfile::TempDir;

use crate::content::{assert_same, content};
use crate::replicator::Replicator;
use crate::writers::Writers;

/// Runs a program that must succeed, and returns what it prints.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A database that has seen everything, shipped, and compacted at every level.
fn history(arguments: &[&str]) -> (Data, Store) {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let store = Store::folder(&data, "replica");
    let mut writers = Writers::start(&data, 200);
    let short = ["--sync-interval", "20ms", "--levels", "1s,2s,3s", "--snapshot-every", "6s", "--keep-fine", "1s"];
    let replicator = Replicator::start(&data, &[&store], &[&short, arguments].concat());
    wait_until("the store follows", || store.newest() > 1);
    let database = data.open();
    // Grows by pages that no transaction after this one touches, then shrinks, and moves what is left.
    database.run(
        "CREATE TABLE ballast (bytes BLOB);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO ballast SELECT randomblob(1000) FROM n",
    );
    writers.wait_for_more(100);
    database.run("DELETE FROM ballast WHERE rowid % 3 > 0");
    writers.wait_for_more(100);
    database.run("VACUUM");
    wait_until("files of every level", || (1..=3).all(|level| store.count(level) > 0) && store.count(9) > 1);
    database.run("INSERT INTO ballast SELECT randomblob(2000) FROM ballast LIMIT 500");
    writers.wait_for_more(100);
    drop(database);
    writers.kill();
    replicator.stop();
    (data, store)
}

/// A copy with no whole copy but the first: what came later is in the compacted files alone.
fn without_later_snapshots(data: &Data, store: &Store) -> Store {
    let copy = Store::folder(data, "copy");
    output(Command::new("cp").arg("-a").arg(store.folder.join(".")).arg(&copy.folder));
    let later: Vec<_> = copy.files().into_iter().filter(|file| file.level == 9 && file.max > 1).collect();
    assert!(!later.is_empty());
    later.iter().for_each(|file| fs::remove_file(&file.path).unwrap());
    copy
}

/// What Litestream makes of the files of an epoch is what we make of it, and the live database.
#[track_caller]
fn assert_all_same(data: &Data, ours: &Data, epoch: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("restored.db");
    let mut command = Command::new(named("LITESTREAM"));
    output(command.args(["restore", "-o"]).arg(&theirs).arg(format!("file://{}", epoch.display())));
    assert!(content(&theirs).len() > 1_000_000);
    assert_same(&theirs, &ours.database());
    assert_same(&data.database(), &ours.database());
}

#[test]
fn litestream_restores_plain_files_to_the_byte() {
    let (data, store) = history(&[]);
    for store in [&without_later_snapshots(&data, &store), &store] {
        assert_all_same(&data, &store.restored(&[]), &store.epochs()[0]);
    }
}

#[test]
fn litestream_restores_encrypted_files_to_the_byte_once_age_has_opened_them() {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("pra.key");
    let recipient = output(Command::new(backup_job()).args(["keygen", "-o"]).arg(&key));
    let (data, store) = history(&["--recipient", &recipient]);
    // Without the key, no file is readable.
    assert!(store.files().iter().all(|file| file.path.extension().is_some_and(|end| end == "age")));
    store.given_to(Job::new("restore", &Data::new())).arg("--yes").fails_with(2);

    for store in [&without_later_snapshots(&data, &store), &store] {
        let ours = store.restored(&["--identity", key.to_str().unwrap()]);
        assert_all_same(&data, &ours, opened(&store.epochs()[0], &key).path());
    }
}

/// The files of an epoch, opened by `age`.
#[track_caller]
fn opened(epoch: &Path, key: &Path) -> TempDir {
    let opened = tempfile::tempdir().unwrap();
    for file in stored_files(epoch) {
        let to = opened.path().join(file.path.strip_prefix(epoch).unwrap()).with_extension("");
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        output(Command::new(named("PRA_AGE")).args(["--decrypt", "-i"]).arg(key).arg("-o").arg(to).arg(&file.path));
    }
    opened
}

/// As Litestream lays it out, in a folder and in S3: foreign is not empty.
#[test]
fn a_replica_of_litestream_itself_is_named_and_left_as_it_is() {
    let minio = Minio::start();
    let data = Data::new();
    Database::create(&data.database()).run("CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA journal_mode = WAL");
    for store in [Store::folder(&data, "theirs"), minio.store("theirs")] {
        let mut theirs = Command::new(named("LITESTREAM"));
        theirs.args(["replicate", "-once", "-force-snapshot"]).arg(data.database()).arg(&store.url);
        theirs.envs(store.environment.iter().map(|(name, value)| (*name, value)));
        // What else this machine says about S3 is not about this server.
        output(theirs.env_remove("AWS_CA_BUNDLE"));
        let before = everything(&store.folder);
        assert!(!before.is_empty());
        // A volume that was lost, and one that was not.
        let lost = Data::new();
        for job in [
            Job::new("init", &lost).arg("--first-install"),
            Job::new("init", &lost),
            Job::new("restore", &lost).arg("--yes"),
            Job::new("replicate", &data).arg("--once"),
            Job::new("verify", &data),
            Job::new("list", &data),
        ] {
            let answer = store.given_to(job).fails_with(2);
            let said = format!("{}{}", answer.stdout, answer.stderr);
            assert!(said.contains("a replica of Litestream"), "{said}");
        }
        assert!(!lost.database().exists(), "no empty application was made");
        assert_eq!(everything(&store.folder), before);
    }
}

/// The paths of all files below a folder.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(everything(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
