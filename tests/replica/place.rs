//! A replica belongs to one database, however its path is written, and whatever is restored beside it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, Store, wait_until};

use crate::replicator::Replicator;

/// `data/app.db` is a link to a database in another folder.
fn linked(data: &Data) -> PathBuf {
    let target = data.path().join("elsewhere/target.db");
    fs::create_dir(data.path().join("elsewhere")).unwrap();
    symlink(&target, data.database()).unwrap();
    target
}

fn once(data: &Data, store: &Store, database: &Path) {
    let made = store.given_to(Job::new("replicate", data).env("PRA_DATABASE", database)).arg("--once").run();
    assert_eq!(made.code, Some(0), "{}: {}{}", database.display(), made.stdout, made.stderr);
}

fn messages(data: &Data) -> Vec<String> {
    data.open().messages()
}

/// SQLite names the log after the link's target: who looks for it beside the link ships the first copy and no more.
#[test]
fn a_database_behind_a_link_is_shipped_by_either_path_and_is_one() {
    let data = Data::new();
    let target = linked(&data);
    let store = Store::folder(&data, "replica");
    Job::new("init", &data).succeeds();
    let application = data.open();
    for (number, path) in [data.database(), target.clone(), data.database()].iter().enumerate() {
        application.add([format!("event {number}").as_str()]);
        once(&data, &store, path);
        assert_eq!(messages(&store.restored(&[])), application.messages(), "{}", path.display());
    }
    assert_eq!(store.epochs().len(), 1);
    // A running one has what is written behind the link, and keeps a second one out that goes by the target.
    let replicator = Replicator::start(&data, &[&store], &["--sync-interval", "50ms"]);
    application.add(["while it runs"]);
    wait_until("it is shipped", || messages(&store.restored(&[])) == application.messages());
    let second = store.given_to(Job::new("replicate", &data).env("PRA_DATABASE", &target)).arg("--once").run();
    assert_eq!(second.code, Some(5), "{}{}", second.stdout, second.stderr);
    drop(replicator);
    assert_eq!(store.epochs().len(), 1);
}

#[test]
fn what_a_link_leads_to_is_restored_where_it_was_lost_and_the_link_stays() {
    let data = Data::new();
    let target = linked(&data);
    let store = Store::folder(&data, "replica");
    Job::new("init", &data).succeeds();
    data.open().add(["one"]);
    once(&data, &store, &data.database());
    for verb in ["restore", "init"] {
        fs::remove_dir_all(target.parent().unwrap()).unwrap();
        fs::create_dir(target.parent().unwrap()).unwrap();
        let job = store.given_to(Job::new(verb, &data));
        if verb == "restore" { job.arg("--yes") } else { job }.succeeds();
        assert!(data.database().is_symlink(), "{verb}");
        assert_eq!(Database::open(&target).messages(), ["one"], "{verb}");
    }
}

#[test]
fn a_restore_beside_the_live_database_is_none_of_it() {
    let data = Data::new();
    let store = Store::folder(&data, "replica");
    Job::new("init", &data).succeeds();
    let application = data.open();
    application.add(["one"]);
    once(&data, &store, &data.database());
    application.add(["two"]);
    once(&data, &store, &data.database());
    let (beside, backups) = (data.path().join("data/beside.db"), data.path().join("backups-of-it"));
    fs::create_dir(&backups).unwrap();
    let first = store.epochs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let restore = Job::new("restore", &data).env("PRA_DATABASE", &beside).env("PRA_BACKUPS", &backups);
    store.given_to(restore).args(&["--yes", "--point", &format!("{first}/0000000000000001")]).succeeds();
    application.add(["three"]);
    once(&data, &store, &data.database());
    assert_eq!(store.epochs().len(), 1, "the live database went on in its own epoch");
    assert_eq!(messages(&store.restored(&[])), ["one", "two", "three"]);
    // While the live one is followed, the one beside it does not ship into its replica.
    let mut replicator = Replicator::start(&data, &[&store], &[]);
    replicator.reaches(&store);
    let stranger = store.given_to(Job::new("replicate", &data).env("PRA_DATABASE", &beside)).arg("--once").run();
    assert_ne!(stranger.code, Some(0), "{}{}", stranger.stdout, stranger.stderr);
    replicator.stop();
    assert_eq!(messages(&store.restored(&[])), ["one", "two", "three"]);
}

/// A listing that leaves a name out makes a folder with nothing else look empty.
#[test]
fn a_foreign_file_of_any_name_keeps_a_store_from_being_taken_for_an_empty_one() {
    for name in [&b"theirs.db"[..], b"caf\xe9.db"] {
        let data = Data::new();
        let store = Store::folder(&data, "replica");
        let theirs = store.folder.join(OsStr::from_bytes(name));
        fs::write(&theirs, "theirs").unwrap();
        let shown = String::from_utf8_lossy(name);
        let refused = store.given_to(Job::new("init", &data)).arg("--first-install").fails_with(2);
        assert!(refused.message().contains(&*shown), "{}", refused.message());
        assert!(!data.database().exists(), "{shown}: an empty application over it");
        Job::new("init", &data).succeeds();
        store.given_to(Job::new("replicate", &data)).arg("--once").fails_with(2);
        let files = fs::read_dir(&store.folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file());
        assert_eq!(files.count(), 1, "{shown}");
        assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
    }
}
