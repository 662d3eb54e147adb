//! Restores of small databases, with everything that may block them.

mod in_place;
mod replace;
mod shapes;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::{files, sqlite};
use jiff::Timestamp;
use pra_core::Code;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::*;
use crate::backup;
use crate::encrypted::Keys;

const SECOND: Duration = Duration::from_secs(1);

/// A database and its backup folder.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backup")).unwrap();
        Self { folder }
    }

    /// One with a table `events` of `rows` rows, in WAL mode.
    fn with_events(rows: u32) -> Self {
        let scene = Self::empty();
        scene.run("PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, message TEXT)");
        scene.add_events(rows);
        scene
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn run(&self, sql: &str) {
        sqlite::open_or_create(&self.database(), SECOND).unwrap().execute_batch(sql).unwrap();
    }

    fn add_events(&self, rows: u32) {
        self.run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             INSERT INTO events(message) SELECT hex(randomblob(150)) FROM n WHERE {rows} > 0"
        ));
    }

    fn backup(&self) -> String {
        let options = backup::Options {
            database: self.database(),
            backups: self.backups(),
            keep: None,
            wait: SECOND,
            now: Timestamp::now(),
            dry_run: false,
            recipients: None,
            adopt_backups: false,
        };
        backup::take(&options).unwrap().file
    }

    fn options(&self, point: &str) -> Options {
        Options {
            database: self.database(),
            backups: self.backups(),
            point: point.parse().unwrap(),
            mode: Mode::Auto,
            accept_503: false,
            lock_limit: LOCK_LIMIT,
            wait: 5 * SECOND,
            now: Timestamp::now(),
            keys: Keys::default(),
            recipients: None,
            access: None,
            accept_unreachable: false,
            adopt_backups: false,
        }
    }

    fn restore(&self, point: &str) -> Report {
        run(&self.options(point)).unwrap()
    }

    fn contents(&self) -> Vec<String> {
        contents(&self.database())
    }

    fn events(&self) -> u32 {
        let connection = sqlite::open_live(&self.database(), SECOND).unwrap();
        connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap()
    }

    fn pragma(&self, name: &str) -> Value {
        let connection = sqlite::open_live(&self.database(), SECOND).unwrap();
        connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    }

    /// Names in the backup folder that are neither backups nor safety copies nor the catalog and the locks.
    fn strange_files(&self) -> Vec<String> {
        names(&self.backups())
            .into_iter()
            .filter(|name| {
                pra_core::naming::parse(name).is_none() && name != "catalog.db" && !name.starts_with(".pra.")
            })
            .collect()
    }

    fn safety_copies(&self) -> Vec<String> {
        names(&self.backups()).into_iter().filter(|name| name.starts_with("pre-restore-")).collect()
    }
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Everything that SQL can see in a database, as text.
fn contents(path: &Path) -> Vec<String> {
    let connection = sqlite::open_live(path, SECOND).unwrap();
    let problem: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).unwrap();
    assert_eq!(problem, "ok");
    let mut all = rows(&connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 2");
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for table in tables {
        all.extend(rows(&connection, &format!("SELECT rowid, * FROM \"{table}\" ORDER BY 1")));
    }
    all
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let values: Vec<Value> = (0..columns).map(|column| row.get(column).unwrap()).collect();
        all.push(format!("{values:?}"));
    }
    all
}

fn flip_a_bit(path: &Path) {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let at = file.metadata().unwrap().len() * 2 / 3;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}
