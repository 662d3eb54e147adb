use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use disk::sqlite;
use pra_core::{Code, Result};
use rusqlite::Connection;
use store::objects::StoreOptions;

use super::image::Image;
use super::service::{Options, Report, run};
use crate::keeper;

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        scene.create("app.db");
        scene
    }

    fn create(&self, name: &str) {
        let connection = Connection::open(self.path(name)).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, x)").unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn options(&self, replicas: &[&str]) -> Options {
        let url = |name: &&str| format!("file://{}", self.path(name).display()).parse().unwrap();
        Options {
            keeper: keeper::Options {
                tick: Duration::from_millis(20),
                wal_limit: 256 << 10,
                ..keeper::Options::new(self.path("app.db"))
            },
            backups: self.path("backup"),
            metrics: None,
            replicas: replicas.iter().map(url).collect(),
            store: StoreOptions::default(),
            sync_interval: Duration::from_millis(50),
            recipients: None,
            staging_limit: 64 << 20,
            // No compacted file comes in between.
            levels: [Duration::from_secs(1 << 40); 4],
            retention: store::retention::Retention::default(),
            tidy_every: Duration::from_secs(60),
            takeover: false,
            new_epoch: false,
            announce: false,
            namespace_uid: None,
            volume_uid: None,
        }
    }

    pub(crate) fn options_once(&self, replicas: &[&str]) -> Options {
        let mut options = self.options(replicas);
        options.keeper.once = true;
        options
    }

    pub(crate) fn once(&self, replicas: &[&str]) -> Result<Report> {
        run(&self.options_once(replicas), &Arc::new(AtomicBool::new(false)))
    }

    pub(crate) fn insert(&self, rows: u32) {
        let connection = sqlite::open_live(&self.path("app.db"), Duration::from_secs(20)).unwrap();
        for _ in 0..rows {
            connection.execute("INSERT INTO t(x) VALUES (randomblob(500))", ()).unwrap();
        }
    }

    /// The database and what the replicator knows, copied aside.
    fn keep(&self, to: &Path) {
        copy_all(&self.path(".app.db.pra/replica"), &to.join("replica"));
        std::fs::copy(self.path("app.db"), to.join("app.db")).unwrap();
    }

    /// The volume as it was kept; the files stay the same ones.
    fn set_back(&self, kept: &Path) {
        let home = self.path(".app.db.pra/replica");
        std::fs::remove_dir_all(&home).unwrap();
        copy_all(&kept.join("replica"), &home);
        for sidecar in ["app.db-wal", "app.db-shm"] {
            drop(std::fs::remove_file(self.path(sidecar)));
        }
        std::fs::copy(kept.join("app.db"), self.path("app.db")).unwrap();
    }

    /// Keys and contents of what a replica holds, but for its claim.
    pub(super) fn objects(&self, replica: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut objects = Vec::new();
        let mut folders = vec![self.path(replica)];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("claim.json") {
                    objects.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        objects.sort();
        objects
    }

    /// The bytes of the page maps: a transaction that is made is recorded there.
    pub(crate) fn made(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut maps = Vec::new();
        for entry in std::fs::read_dir(self.path(".app.db.pra/replica")).unwrap().map(Result::unwrap) {
            let map = entry.path().join("map");
            if map.exists() {
                maps.push((map.clone(), std::fs::read(map).unwrap()));
            }
        }
        maps
    }

    /// The newest epoch of a replica, as the last name.
    pub(crate) fn image(&self, replica: &str) -> Image {
        Image::of_folder(self.epochs(replica).last().expect("the replica has an epoch"))
    }

    pub(crate) fn epochs(&self, replica: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path(replica)).unwrap().map(|entry| entry.unwrap().path());
        let mut epochs: Vec<PathBuf> = entries.filter(|path| path.join("epoch.json").exists()).collect();
        // Two may have begun in the same second.
        epochs.sort_by_key(|epoch| {
            let manifest: serde_json::Value =
                serde_json::from_slice(&std::fs::read(epoch.join("epoch.json")).unwrap()).unwrap();
            manifest["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
        });
        epochs
    }
}

pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Report>>,
}

pub(crate) fn start(options: Options) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || run(&options, &stop)
    });
    Running { stop, thread }
}

impl Running {
    /// Waits until it ends by itself.
    pub(crate) fn ends(self) -> Result<Report> {
        until("its end", || self.thread.is_finished());
        self.thread.join().unwrap()
    }

    pub(crate) fn end(self) -> Result<Report> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn once_brings_the_present_state_to_every_replica() {
    let scene = Scene::new();
    scene.insert(20);
    scene.once(&["one", "two"]).unwrap();
    scene.insert(3);
    scene.once(&["one", "two"]).unwrap();
    // Nothing has changed: no object more.
    scene.once(&["one", "two"]).unwrap();
    for replica in ["one", "two"] {
        assert_eq!(scene.image(replica).rows(), 23);
        assert_eq!(scene.image(replica).txid, 2);
        assert_eq!(scene.epochs(replica).len(), 1);
    }
}

#[test]
fn a_new_replica_gets_everything_that_the_others_have() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    scene.insert(5);
    scene.once(&["one", "two"]).unwrap();
    assert_eq!(scene.image("two").rows(), 10);
    assert_eq!(scene.epochs("one").last().unwrap().file_name(), scene.epochs("two").last().unwrap().file_name());
}

#[test]
fn writers_and_the_keeper_go_on_while_everything_is_shipped() {
    let scene = Scene::new();
    let running = start(scene.options(&["one"]));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| scene.insert(400));
        }
    });
    let live = sqlite::open_live(&scene.path("app.db"), Duration::from_secs(5)).unwrap();
    let rows: u64 = live.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1200);
    drop(live);
    let report = running.end().unwrap();
    let image = scene.image("one");
    assert_eq!(image.rows(), 1200, "what stood there at the end is shipped before the end");
    assert_eq!(report.stores[0].txid, image.txid);
    assert!(report.keeper.checkpoints > 0, "the WAL was bounded meanwhile: {:?}", report.keeper);
    assert!(image.files.len() > 3, "many small files: {}", image.files.len());
    let staged = scene.path(".app.db.pra/replica").join(scene.epochs("one")[0].file_name().unwrap());
    let left = std::fs::read_dir(staged).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name != "map" && !name.ends_with(".part")).collect();
    assert!(left.is_empty(), "what every replica has is staged no more: {left:?}");
}

#[test]
fn a_store_that_is_away_holds_up_no_other_and_is_caught_up() {
    let scene = Scene::new();
    scene.insert(5);
    // A file stands where the folder is to be.
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let running = start(scene.options(&["one", "two"]));
    scene.insert(50);
    until("the first replica's copy", || {
        scene.path("one").exists()
            && !scene.epochs("one").is_empty()
            && scene.image("one").txid > 0
            && scene.image("one").rows() == 55
    });
    std::fs::remove_file(scene.path("two")).unwrap();
    until("the second replica's copy", || {
        scene.path("two").exists()
            && !scene.epochs("two").is_empty()
            && scene.image("two").txid > 0
            && scene.image("two").rows() == 55
    });
    running.end().unwrap();
}

#[test]
fn once_says_which_replica_is_behind() {
    let scene = Scene::new();
    scene.insert(5);
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let error = scene.once(&["one", "two"]).unwrap_err();
    assert_ne!(error.code(), Code::Usage, "{}", error.chain());
    assert_eq!(scene.image("one").rows(), 5);
}

#[test]
fn a_second_writer_is_told_who_the_first_is_and_the_firsts_data_restores() {
    let scene = Scene::new();
    scene.insert(5);
    let running = start(scene.options(&["one"]));
    until("the first writer's copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    let other = Scene::new();
    other.insert(1);
    let mut options = other.options(&[]);
    options.keeper.once = true;
    options.replicas = scene.options(&["one"]).replicas;
    let error = run(&options, &Arc::new(AtomicBool::new(false))).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert!(error.to_string().contains("is being written by writer"), "{error}");
    scene.insert(2);
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 7);
    assert_eq!(scene.epochs("one").len(), 1);

    // The claim was released, but the other database has nothing to do with what is there.
    let error = run(&options, &Arc::new(AtomicBool::new(false))).unwrap_err();
    assert!(error.to_string().contains("was not restored from it"), "{error}");
    options.takeover = true;
    run(&options, &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(scene.epochs("one").len(), 2);
    let manifest = std::fs::read_to_string(scene.epochs("one")[1].join("epoch.json")).unwrap();
    let first = scene.epochs("one")[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(manifest.contains(&first), "{manifest}");

    // And the first, who comes back, is not to go on as if nothing had happened.
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    let mut takeover = scene.options(&["one"]);
    takeover.takeover = true;
    takeover.keeper.once = true;
    run(&takeover, &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(scene.epochs("one").len(), 3);
    assert_eq!(scene.image("one").rows(), 7);
}

#[test]
fn a_second_replicator_of_one_database_is_refused_and_writes_nothing() {
    let scene = Scene::new();
    scene.insert(5);
    let running = start(scene.options(&["one"]));
    until("the first copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    scene.insert(3);
    let error = scene.once(&["one", "two"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.chain().contains(&format!("process {}", std::process::id())), "{}", error.chain());
    assert!(!scene.path("two").exists());
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 8);
    assert_eq!(scene.epochs("one").len(), 1);
    scene.once(&["one", "two"]).unwrap();
}

#[test]
fn a_volume_that_was_set_back_is_refused_at_each_start_and_makes_nothing() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one", "two"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    for _ in 0..3 {
        scene.insert(5);
        scene.once(&["one", "two"]).unwrap();
    }
    scene.set_back(&kept);
    let before = (scene.objects("one"), scene.objects("two"), scene.made());
    for start in 0..10 {
        // The application goes on with what it has.
        scene.insert(1);
        let error = scene.once(&["one", "two"]).unwrap_err();
        assert_eq!(error.code(), Code::Busy, "start {start}: {}", error.chain());
        assert!(error.hint_text().unwrap().contains("--takeover"), "start {start}: {error}");
        assert_eq!((scene.objects("one"), scene.objects("two"), scene.made()), before, "start {start}");
    }

    let mut takeover = scene.options(&["one", "two"]);
    takeover.takeover = true;
    takeover.keeper.once = true;
    run(&takeover, &Arc::new(AtomicBool::new(false))).unwrap();
    for (replica, objects) in [("one", &before.0), ("two", &before.1)] {
        let after = scene.objects(replica);
        assert!(objects.iter().all(|object| after.contains(object)), "{replica}: nothing in the store has changed");
        assert_eq!(scene.epochs(replica).len(), 2);
        assert_eq!(scene.image(replica).rows(), 15);
    }
    scene.insert(1);
    scene.once(&["one", "two"]).unwrap();
    assert_eq!(scene.image("two").rows(), 16);
}

#[test]
fn a_refusal_holds_where_the_store_is_out_of_reach() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    scene.set_back(&kept);
    assert_eq!(scene.once(&["one"]).unwrap_err().code(), Code::Busy);
    std::fs::rename(scene.path("one"), scene.path("away")).unwrap();
    std::fs::write(scene.path("one"), "not a folder").unwrap();
    let made = scene.made();
    let error = start(scene.options(&["one"])).ends().unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.chain().contains("could not be asked again"), "{}", error.chain());
    assert_eq!(scene.made(), made);
}

#[test]
fn a_volume_set_back_by_one_sync_is_told_by_the_bytes_of_the_last_file() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    // The first copy stands at the same number in both, and is another one there.
    let epoch = scene.epochs("one").remove(0);
    scene.set_back(&kept);
    std::fs::remove_file(epoch.join("ltx/0/0000000000000002-0000000000000002.ltx")).unwrap();
    let first = epoch.join("ltx/9/0000000000000001-0000000000000001.ltx");
    let mut bytes = std::fs::read(&first).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.to_string().contains("another"), "{error}");
}

#[test]
fn an_object_that_was_sent_and_not_noted_is_known_by_its_staged_file() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    copy_all(&scene.path(".app.db.pra/replica"), &kept);
    scene.insert(5);
    // Killed right after the object came to be: the file is still staged, and only the note is from before.
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    drop(scene.once(&["one", "two"]));
    for entry in std::fs::read_dir(&kept).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("sent-") {
            std::fs::copy(entry.path(), scene.path(".app.db.pra/replica").join(entry.file_name())).unwrap();
        }
    }
    scene.once(&["one"]).unwrap();
    assert_eq!(scene.epochs("one").len(), 1);
    assert_eq!(scene.image("one").rows(), 10);
}

#[test]
fn once_ends_where_the_database_has_no_tables() {
    let scene = Scene::new();
    let connection = Connection::open(scene.path("app.db")).unwrap();
    connection.execute_batch("DROP TABLE t; VACUUM").unwrap();
    drop(connection);
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Failed);
    assert!(error.to_string().contains("has no tables"), "{error}");
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
