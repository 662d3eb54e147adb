//! Encrypted backups of small databases, and whatever may be wrong with them.

mod damage;
mod recover;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::catalog::{self, Catalog};
use disk::{files, sqlite};
use jiff::Timestamp;
use pra_core::{Code, Result};
use store::encryption::{NewKey, Recipients};

use super::*;
use crate::backup;
use crate::restore::{self, LOCK_LIMIT, Mode};
use crate::verify::points::{self, Outcome};

const SECOND: Duration = Duration::from_secs(1);

/// Stands in each event, so that plaintext is found wherever it lies.
const WORD: &str = "a word that is nowhere else";

/// A database with its backup folder, and a key.
struct Scene {
    folder: tempfile::TempDir,
    recipients: Recipients,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backup")).unwrap();
        let recipients = key(&folder.path().join("key"));
        let scene = Self { folder, recipients };
        scene.sql("PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, message TEXT)");
        scene.add(3);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("app.db")
    }

    fn stored(&self, name: &str) -> PathBuf {
        self.path("backup").join(name)
    }

    fn sql(&self, sql: &str) {
        sqlite::open_or_create(&self.database(), SECOND).unwrap().execute_batch(sql).unwrap();
    }

    fn add(&self, events: u32) {
        for _ in 0..events {
            self.sql(&format!("INSERT INTO events(message) VALUES ('{WORD} ' || hex(randomblob(2000)))"));
        }
    }

    fn events(&self) -> Option<u64> {
        sqlite::count_events(&sqlite::open_live(&self.database(), SECOND).unwrap()).unwrap()
    }

    /// What the identity in the file `name` opens.
    fn keys(&self, name: &str) -> Keys {
        Keys::new(Some(self.path(name)), false)
    }

    fn backup(&self) -> backup::Report {
        self.backup_for(Some(&self.recipients)).unwrap()
    }

    fn backup_for(&self, recipients: Option<&Recipients>) -> Result<backup::Report> {
        backup::take(&backup::Options {
            database: self.database(),
            backups: self.path("backup"),
            keep: None,
            wait: SECOND,
            now: Timestamp::now(),
            dry_run: false,
            recipients: recipients.cloned(),
            adopt_backups: false,
        })
    }

    fn verify(&self, keys: Keys) -> Vec<Outcome> {
        let (backups, database) = (self.path("backup"), self.database());
        points::run(&points::Options {
            backups,
            points: Vec::new(),
            keys,
            database,
            wait: SECOND,
            now: Timestamp::now(),
            adopt_backups: false,
        })
        .unwrap()
    }

    fn restoring(&self, point: &str, keys: Keys) -> restore::Options {
        restore::Options {
            database: self.database(),
            backups: self.path("backup"),
            point: point.parse().unwrap(),
            mode: Mode::Auto,
            accept_503: false,
            lock_limit: LOCK_LIMIT,
            wait: 5 * SECOND,
            now: Timestamp::now(),
            keys,
            recipients: Some(self.recipients.clone()),
            access: None,
            accept_unreachable: false,
            adopt_backups: false,
        }
    }

    fn restore(&self, point: &str, keys: Keys) -> Result<restore::Report> {
        restore::run(&self.restoring(point, keys))
    }

    fn catalog(&self) -> Catalog {
        Catalog::read(&self.path("backup")).unwrap()
    }

    fn lose(&self) {
        for suffix in ["", "-wal", "-shm"] {
            files::remove("test", &files::with_suffix(&self.database(), suffix)).unwrap();
        }
    }

    /// Nothing on the backup volume can be read, and nothing of ours is left beside the database.
    #[track_caller]
    fn assert_tidy(&self) {
        for path in listed(&self.path("backup")) {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(WORD.len()).any(|window| window == WORD.as_bytes());
            assert!(!found, "{path:?} holds plaintext");
        }
        let left: Vec<_> = listed(self.folder.path()).into_iter().filter(|path| is_ours(path)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.starts_with(".pra-tmp-") || name.starts_with(".pra-kept-")
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

/// A new identity in the file `path`.
fn key(path: &Path) -> Recipients {
    let key = NewKey::generate();
    key.write(path, Timestamp::now()).unwrap();
    Recipients::parse([key.recipient().as_str()]).unwrap()
}

fn inode(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().ino()
}
