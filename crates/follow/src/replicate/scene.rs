//! A database, its replicas in folders, and a replicator: for the tests of this crate and of those that read replicas.
#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::new_without_default,
    reason = "it is part of tests"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use disk::sqlite;
use pra_core::Result;
use rusqlite::Connection;
use store::objects::StoreOptions;

use super::image::Image;
use super::service::{Options, Report, run};
use crate::checkpointer;

pub struct Scene {
    pub folder: tempfile::TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        scene.create("app.db");
        scene
    }

    pub fn create(&self, name: &str) {
        let connection = Connection::open(self.path(name)).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, x)").unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn options(&self, replicas: &[&str]) -> Options {
        let url = |name: &&str| format!("file://{}", self.path(name).display()).parse().unwrap();
        Options {
            checkpointer: checkpointer::Options {
                tick: Duration::from_millis(20),
                wal_limit: 256 << 10,
                ..checkpointer::Options::new(self.path("app.db"))
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

    pub fn options_once(&self, replicas: &[&str]) -> Options {
        let mut options = self.options(replicas);
        options.checkpointer.once = true;
        options
    }

    pub fn once(&self, replicas: &[&str]) -> Result<Report> {
        run(&self.options_once(replicas), &Arc::new(AtomicBool::new(false)))
    }

    pub fn insert(&self, rows: u32) {
        let connection = sqlite::open_live(&self.path("app.db"), Duration::from_secs(20)).unwrap();
        for _ in 0..rows {
            connection.execute("INSERT INTO t(x) VALUES (randomblob(500))", ()).unwrap();
        }
    }

    /// The database and what the replicator knows, copied aside.
    pub fn keep(&self, to: &Path) {
        copy_all(&self.path(".app.db.pra/replica"), &to.join("replica"));
        std::fs::copy(self.path("app.db"), to.join("app.db")).unwrap();
    }

    /// The volume as it was kept; the files stay the same ones.
    pub fn set_back(&self, kept: &Path) {
        let home = self.path(".app.db.pra/replica");
        std::fs::remove_dir_all(&home).unwrap();
        copy_all(&kept.join("replica"), &home);
        for sidecar in ["app.db-wal", "app.db-shm"] {
            drop(std::fs::remove_file(self.path(sidecar)));
        }
        std::fs::copy(kept.join("app.db"), self.path("app.db")).unwrap();
    }

    /// Keys and contents of what a replica holds, but for its lease.
    pub fn objects(&self, replica: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut objects = Vec::new();
        let mut folders = vec![self.path(replica)];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("lease.json") {
                    objects.push((path.clone(), std::fs::read(path).unwrap()));
                }
            }
        }
        objects.sort();
        objects
    }

    /// The bytes of the page maps: a transaction that is made is recorded there.
    pub fn made(&self) -> Vec<(PathBuf, Vec<u8>)> {
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
    pub fn image(&self, replica: &str) -> Image {
        Image::of_folder(self.epochs(replica).last().expect("the replica has an epoch"))
    }

    pub fn epochs(&self, replica: &str) -> Vec<PathBuf> {
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

pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Report>>,
}

pub fn start(options: Options) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || run(&options, &stop)
    });
    Running { stop, thread }
}

impl Running {
    /// Waits until it ends by itself.
    pub fn ends(self) -> Result<Report> {
        until("its end", || self.thread.is_finished());
        self.thread.join().unwrap()
    }

    pub fn end(self) -> Result<Report> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn copy_all(from: &Path, to: &Path) {
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
