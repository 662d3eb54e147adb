mod lists;
mod whose;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use disk::files::Writer;
use follow::replicate;
use follow::replicate::scene::{Scene, start, until};
use jiff::Timestamp;
use pra_core::point::Point;
use pra_core::{Code, Result};
use rusqlite::Connection;
use store::encryption::{NewKey, Recipients};
use store::objects::StoreOptions;
use store::plan::Accept;

use super::{Access, choose, fetch};
use crate::encrypted::Keys;
use crate::listing;
use crate::restore::{self, LOCK_LIMIT, Mode};
use crate::{init, verify};

fn access(scene: &Scene, replica: &str) -> Access {
    Access {
        replicas: vec![format!("file://{}", scene.path(replica).display()).parse().unwrap()],
        store: StoreOptions::default(),
        keys: Keys::default(),
        accept: Accept::default(),
        epoch: None,
        backups: None,
    }
}

fn restoring(scene: &Scene, access: Access, point: &str) -> restore::Options {
    restore::Options {
        database: scene.path("app.db"),
        backups: scene.path("backup"),
        point: point.parse().unwrap(),
        mode: Mode::Auto,
        accept_503: false,
        lock_limit: LOCK_LIMIT,
        wait: Duration::from_secs(5),
        now: Timestamp::now(),
        keys: access.keys.clone(),
        recipients: None,
        access: Some(access),
        accept_unreachable: false,
        adopt_backups: false,
    }
}

fn restore(scene: &Scene, access: Access, point: &str) -> Result<restore::Report> {
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    restore::run(&restoring(scene, access, point))
}

fn rows(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

/// What a lost volume leaves: nothing beside the replicas.
fn lose(scene: &Scene) {
    for suffix in ["", "-wal", "-shm"] {
        let path = disk::files::with_suffix(&scene.path("app.db"), suffix);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::remove_dir_all(scene.path(".app.db.pra/replica")).unwrap();
}

/// Three states: 5, 10 and 12 rows; returns the instants after each.
fn history(scene: &Scene, replica: &str) -> Vec<Timestamp> {
    [5, 5, 2]
        .into_iter()
        .map(|more| {
            scene.insert(more);
            scene.once(&[replica]).unwrap();
            let after = Timestamp::now();
            // The next transaction is to have another millisecond.
            while Timestamp::now().as_millisecond() <= after.as_millisecond() {
                std::thread::yield_now();
            }
            after
        })
        .collect()
}

fn files(scene: &Scene, replica: &str, level: &str) -> Vec<PathBuf> {
    let folder = scene.epochs(replica).last().unwrap().join("ltx").join(level);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_lost_volume_comes_back_from_a_replica_alone() {
    let scene = Scene::new();
    history(&scene, "one");
    lose(&scene);
    let report = restore(&scene, access(&scene, "one"), "latest").unwrap();
    assert_eq!(report.source, "replica");
    assert_eq!(rows(&scene.path("app.db")), 12);

    // The replicator goes on in a child epoch that names where it came from.
    scene.insert(1);
    scene.once(&["one"]).unwrap();
    let epochs = scene.epochs("one");
    assert_eq!(epochs.len(), 2);
    let manifest = std::fs::read_to_string(epochs[1].join("epoch.json")).unwrap();
    assert!(manifest.contains(epochs[0].file_name().unwrap().to_str().unwrap()), "{manifest}");
    lose(&scene);
    restore(&scene, access(&scene, "one"), "latest").unwrap();
    assert_eq!(rows(&scene.path("app.db")), 13);
}

#[test]
fn a_replacement_beside_a_running_replicator_goes_on_in_a_child_epoch() {
    let scene = Scene::new();
    history(&scene, "one");
    let running = start(scene.options(&["one"]));
    let epoch = scene.epochs("one")[0].file_name().unwrap().to_str().unwrap().to_owned();
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let mut options = restoring(&scene, access(&scene, "one"), &format!("{epoch}/0000000000000002"));
    options.mode = Mode::Replace;
    restore::run(&options).unwrap();
    scene.insert(1);
    until("the child epoch's copy", || {
        scene.epochs("one").len() == 2 && scene.image("one").txid > 0 && scene.image("one").rows() == 11
    });
    running.end().unwrap();
    let manifest = std::fs::read_to_string(scene.epochs("one")[1].join("epoch.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["parent"], serde_json::json!({"epoch": epoch, "txid": 2}));
}

#[test]
fn any_instant_and_any_transaction_can_be_restored_in_place() {
    let scene = Scene::new();
    let instants = history(&scene, "one");
    for (instant, expected) in instants.iter().zip([5, 10, 12]) {
        let report = restore(&scene, access(&scene, "one"), &instant.to_string()).unwrap();
        assert_eq!(rows(&scene.path("app.db")), expected);
        assert!(report.reached.parse::<Timestamp>().unwrap() <= *instant, "{report:?}");
        assert_eq!(report.mode, restore::How::InPlace);
    }
    let epoch = scene.epochs("one")[0].file_name().unwrap().to_str().unwrap().to_owned();
    restore(&scene, access(&scene, "one"), &format!("{epoch}/0000000000000002")).unwrap();
    assert_eq!(rows(&scene.path("app.db")), 10);
    // A restore in place is one more transaction of the same epoch.
    scene.once(&["one"]).unwrap();
    assert_eq!(scene.epochs("one").len(), 1);
}

#[test]
fn a_future_instant_one_before_the_first_and_a_strange_transaction_are_errors() {
    let scene = Scene::new();
    history(&scene, "one");
    let future = Timestamp::now() + Duration::from_secs(3600);
    for (point, says) in [
        (future.to_string(), "is in the future"),
        ("2020-01-01T00:00:00Z".to_owned(), "have a restore point"),
        ("20200101T000000Z-00000000/0000000000000001".to_owned(), "have a restore point"),
    ] {
        let error = restore(&scene, access(&scene, "one"), &point).unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{point}");
        assert!(error.chain().contains(says), "{point}: {}", error.chain());
    }
    assert_eq!(rows(&scene.path("app.db")), 12, "nothing was changed");
}

#[test]
fn a_hole_and_a_missing_tail_are_errors_that_name_their_flag() {
    let scene = Scene::new();
    history(&scene, "one");
    let [second, third] = &files(&scene, "one", "0")[..] else { panic!("two transactions after the snapshot") };
    std::fs::rename(third, scene.path("kept")).unwrap();
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert!(error.to_string().contains("--accept-missing-tail"), "{error}");
    let mut accepting = access(&scene, "one");
    accepting.accept.missing_tail = true;
    restore(&scene, accepting, "latest").unwrap();
    assert_eq!(rows(&scene.path("app.db")), 10);

    std::fs::rename(scene.path("kept"), third).unwrap();
    std::fs::remove_file(second).unwrap();
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert!(error.to_string().contains("--accept-gap"), "{error}");
    let mut accepting = access(&scene, "one");
    accepting.accept.gap = true;
    restore(&scene, accepting, "latest").unwrap();
    assert_eq!(rows(&scene.path("app.db")), 5);
}

#[test]
fn a_damaged_object_is_found_out_and_nothing_is_changed() {
    let scene = Scene::new();
    history(&scene, "one");
    let file = files(&scene, "one", "9").remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    assert_eq!(rows(&scene.path("app.db")), 12);
    let left = std::fs::read_dir(scene.folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".pra-tmp-"));
    assert_eq!(left.count(), 0, "no temporary file stays");
}

fn encrypted(scene: &Scene) -> (NewKey, Access) {
    let key = NewKey::generate();
    let mut options = scene.options(&["one"]);
    options.checkpointer.once = true;
    options.recipients = Some(Recipients::parse([key.recipient().as_str()]).unwrap());
    for _ in 0..2 {
        scene.insert(5);
        replicate::run(&options, &Arc::new(AtomicBool::new(false))).unwrap();
    }
    let path = scene.path("key");
    key.write(&path, Timestamp::now()).unwrap();
    let access = Access { keys: Keys::new(Some(path), false), ..access(scene, "one") };
    (key, access)
}

#[test]
fn what_is_encrypted_restores_with_an_identity_only_and_nothing_lies_there_in_plain() {
    let scene = Scene::new();
    let (_, with_identity) = encrypted(&scene);
    for level in ["0", "9"] {
        for file in files(&scene, "one", level) {
            assert!(std::fs::read(&file).unwrap().starts_with(b"age-encryption.org/v1"), "{file:?}");
        }
    }
    lose(&scene);
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.hint_text().unwrap().contains("--identity"));
    restore(&scene, with_identity, "latest").unwrap();
    assert_eq!(rows(&scene.path("app.db")), 10);
}

#[test]
fn with_an_identity_what_is_not_encrypted_is_refused() {
    let scene = Scene::new();
    history(&scene, "one");
    let key = scene.path("key");
    NewKey::generate().write(&key, Timestamp::now()).unwrap();
    let mut with_identity = access(&scene, "one");
    with_identity.keys = Keys::new(Some(key.clone()), false);
    let error = restore(&scene, with_identity.clone(), "latest").unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    with_identity.keys = Keys::new(Some(key), true);
    restore(&scene, with_identity, "latest").unwrap();
}

#[test]
fn switching_encryption_on_begins_an_epoch_and_both_are_one_history() {
    let scene = Scene::new();
    let before = history(&scene, "one")[2];
    let (_, mut with_identity) = encrypted(&scene);
    assert_eq!(scene.epochs("one").len(), 2);
    with_identity.keys = Keys::new(Some(scene.path("key")), true);
    restore(&scene, with_identity.clone(), &before.to_string()).unwrap();
    assert_eq!(rows(&scene.path("app.db")), 12);
    restore(&scene, with_identity, "latest").unwrap();
    assert_eq!(rows(&scene.path("app.db")), 22);
}

fn initialise(scene: &Scene, access: Access, first_install: bool) -> Result<init::Report> {
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    init::run(&init::Options {
        database: scene.path("app.db"),
        backups: scene.path("backup"),
        schema: Some("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, x)".to_owned()),
        keep_journal_mode: false,
        accept_older: false,
        wait: Duration::from_secs(5),
        now: Timestamp::now(),
        dry_run: false,
        keys: access.keys.clone(),
        access: Some(access),
        accept_unreachable: false,
        first_install,
        adopt_backups: false,
    })
}

#[test]
fn an_empty_volume_is_initialised_from_the_replica_and_a_mistyped_prefix_is_no_first_install() {
    let scene = Scene::new();
    history(&scene, "one");
    lose(&scene);
    for name in ["on", "none"] {
        std::fs::create_dir(scene.path(name)).unwrap();
    }
    let error = initialise(&scene, access(&scene, "on"), false).unwrap_err();
    assert!(error.hint_text().unwrap().contains("--first-install"), "{}", error.chain());
    assert!(!scene.path("app.db").exists());
    let report = initialise(&scene, access(&scene, "one"), false).unwrap();
    assert_eq!(report.outcome, init::Outcome::Restored);
    assert_eq!(rows(&scene.path("app.db")), 12);
    lose_database(&scene);
    let report = initialise(&scene, access(&scene, "none"), true).unwrap();
    assert_eq!(report.outcome, init::Outcome::Created);
}

fn lose_database(scene: &Scene) {
    std::fs::create_dir_all(scene.path(".app.db.pra/replica")).unwrap();
    lose(scene);
}

#[test]
fn a_replica_out_of_reach_is_never_the_same_as_empty() {
    let scene = Scene::new();
    history(&scene, "one");
    lose(&scene);
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let error = initialise(&scene, access(&scene, "two"), true).unwrap_err();
    assert_ne!(error.code(), Code::NotFound, "{}", error.chain());
    assert!(!scene.path("app.db").exists());
}

#[test]
fn the_list_shows_each_window_as_a_point_that_restores() {
    let scene = Scene::new();
    history(&scene, "one");
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let listed =
        listing::list_with_replicas(&scene.path("backup"), &access(&scene, "one"), false, Timestamp::now()).unwrap();
    assert!(listed.troubles.is_empty());
    let listed = listed.points;
    assert_eq!(listed.len(), 1);
    assert!(listed[0].from.unwrap() < listed[0].created_at);
    assert!(matches!(listed[0].point.parse::<Point>().unwrap(), Point::Transaction(_, 3)));
    restore(&scene, access(&scene, "one"), &listed[0].point).unwrap();
}

#[test]
fn what_vanishes_between_plan_and_fetch_is_planned_anew() {
    let scene = Scene::new();
    history(&scene, "one");
    let access = access(&scene, "one");
    let survey = access.surveys(false).unwrap().pop().unwrap();
    let choice = choose(&access, &survey, &Point::Latest, Timestamp::now()).unwrap().unwrap();
    // A compacted file holds the same by now, and retention removes the small ones.
    let mut options = scene.options(&["one"]);
    options.levels = [Duration::from_millis(1), Duration::MAX, Duration::MAX, Duration::MAX];
    let running = start(options);
    scene.insert(1);
    let level = scene.epochs("one")[0].join("ltx");
    until("compacted files", || {
        level.join("1").exists() && files(&scene, "one", "1").iter().any(|path| ends(path) >= 4)
    });
    running.end().unwrap();
    files(&scene, "one", "0").iter().for_each(|path| std::fs::remove_file(path).unwrap());

    let to = Writer::create("fetched", &scene.path("fetched")).unwrap();
    let fetched = fetch(&access, choice.clone(), &to).unwrap();
    assert!(fetched.txid >= choice.txid, "{fetched:?}");
    assert!(rows(to.path()) >= 12);

    files(&scene, "one", "1").iter().for_each(|path| std::fs::remove_file(path).unwrap());
    to.truncate(0).unwrap();
    let error = fetch(&access, choice, &to).unwrap_err();
    assert!(matches!(error.code(), Code::Damaged | Code::NotFound), "{}", error.chain());
}

/// The last transaction of a file.
fn ends(path: &Path) -> u64 {
    let name = path.file_stem().unwrap().to_str().unwrap();
    u64::from_str_radix(name.split_once('-').unwrap().1, 16).unwrap()
}

#[test]
fn a_tail_that_the_catalog_knows_of_and_the_store_lacks_is_an_error() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("backup")).unwrap();
    history(&scene, "one");
    let known = disk::catalog::status::read(&scene.path("backup")).unwrap().replicas;
    assert_eq!(known[0].txid, 3);
    // What the store itself says of its head goes too.
    std::fs::remove_file(files(&scene, "one", "0").last().unwrap()).unwrap();
    std::fs::remove_file(scene.path("one").join("lease.json")).unwrap();
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert!(error.code() == Code::Damaged && error.chain().contains("lease.json"), "{}", error.chain());
    let named = error.hint_text().unwrap();
    assert!(named.contains("--accept-missing-tail") && named.ends_with("/0000000000000002"), "{named}");

    let with_catalog = Access { backups: Some(scene.path("backup")), ..access(&scene, "one") };
    let error = restore(&scene, with_catalog.clone(), "latest").unwrap_err();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    let accepted = Access { accept: Accept { missing_tail: true, ..Accept::default() }, ..with_catalog };
    restore(&scene, accepted, "latest").unwrap();
}

#[test]
fn a_replica_is_verified_by_fetching_it_and_nothing_of_that_stays() {
    let scene = Scene::new();
    history(&scene, "one");
    let options = verify::replicas::Options {
        access: access(&scene, "one"),
        points: Vec::new(),
        database: scene.path("app.db"),
        now: Timestamp::now(),
    };
    let before = names(&scene);
    // One that was killed on the way, as a start may be again and again, must not fill the disk.
    std::fs::write(scene.path(".pra-tmp-restore-scratch-1-app.db"), "half").unwrap();
    let outcomes = verify::replicas::run(&options).unwrap();
    assert!(
        matches!(&outcomes[..], [one] if one.error.is_none() && one.point.ends_with("0000000000000003")),
        "{outcomes:?}"
    );

    let path = files(&scene, "one", "0").pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let outcomes = verify::replicas::run(&options).unwrap();
    let error = outcomes[0].error.as_ref().unwrap();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    assert_eq!(names(&scene), before);
}

#[test]
fn a_restore_is_in_the_catalog_while_it_is_at_work_and_afterwards() {
    let scene = Scene::new();
    history(&scene, "one");
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let prepared = restore::plan(&restoring(&scene, access(&scene, "one"), "latest")).unwrap();
    prepared.apply_and_tell().unwrap();
    let told = || disk::catalog::status::read(&scene.path("backup")).unwrap().restores()[0].clone();
    assert!(told().ended.is_some() && told().seconds.is_some() && told().error.is_none(), "{:?}", told());

    let mut options = restoring(&scene, access(&scene, "one"), "latest");
    options.mode = Mode::Replace;
    options.wait = Duration::ZERO;
    let prepared = restore::plan(&options).unwrap();
    let _held = disk::lock::shared(&scene.path("app.db"), Duration::ZERO).unwrap();
    prepared.apply_and_tell().unwrap_err();
    assert!(told().error.unwrap().contains("lock"), "{:?}", told());
}

fn names(scene: &Scene) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(scene.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    names
}
