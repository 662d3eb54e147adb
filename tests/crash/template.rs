//! The state of a data folder before a scenario, made once and copied for each run.
//!
//! ```text
//! events   a-0 … a-39 │ b-0 … b-19 │ c-0 … c-9
//! backup    OLDER ────┘   NEWER ───┘           │
//! app.db    checkpointed ──────────┘  in its WAL only
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mini_pra_tests::{Data, Database, Job, root};

/// The files, by their paths in a data folder, and the names of the backups. Kept in memory: what a static holds is
/// never dropped, and a folder would stay.
pub(crate) struct Template {
    files: Vec<(PathBuf, Vec<u8>)>,
    /// One that holds `a`, and one that holds `a` and `b`.
    pub(crate) backups: Vec<String>,
}

pub(crate) static TEMPLATE: LazyLock<Template> = LazyLock::new(Template::new);

/// The messages that each of the three holds. Each event is acknowledged: its transaction was committed.
pub(crate) fn messages(rounds: &[(&str, usize)]) -> Vec<String> {
    rounds.iter().flat_map(|(round, n)| (0..*n).map(move |i| message(round, i))).collect()
}

/// Long enough for the three rounds to take some pages each.
fn message(round: &str, i: usize) -> String {
    format!("{round}-{i} {}", "x".repeat(700))
}

pub(crate) fn older() -> Vec<String> {
    messages(&[("a", 40)])
}

pub(crate) fn newer() -> Vec<String> {
    messages(&[("a", 40), ("b", 20)])
}

pub(crate) fn live() -> Vec<String> {
    messages(&[("a", 40), ("b", 20), ("c", 10)])
}

impl Template {
    fn new() -> Self {
        use_memory();
        let made = Data::new();
        let database = Database::create(&made.database());
        database.run("PRAGMA journal_mode = WAL");
        database.run(&fs::read_to_string(root().join("components/events/schema.sql")).unwrap());
        let mut names = Vec::new();
        for (round, n) in [("a", 40), ("b", 20), ("c", 10)] {
            for text in messages(&[(round, n)]) {
                database.add([text.as_str()]);
            }
            if round != "c" {
                let busy: i64 = database.get("PRAGMA wal_checkpoint(TRUNCATE)", []);
                assert_eq!(busy, 0);
                let report = Job::new("backup", &made).arg("--no-prune").succeeds();
                names.push(report["file"].as_str().unwrap().to_owned());
            }
        }
        // Each copy of it is a database of its own, whose the backups are.
        let catalog = Database::open(&made.catalog());
        catalog.run("UPDATE publication SET database_id = NULL, database = NULL, host = NULL");
        drop(catalog);
        // Read with the connection open, or its close would checkpoint the WAL; no process writes meanwhile.
        let mut paths = vec![made.database(), made.path().join("data/app.db-wal")];
        // A lock file says who held it.
        paths.extend(files(&made.backups()).into_iter().filter(|path| !is_lock(path)));
        let read = |path: PathBuf| (path.strip_prefix(made.path()).unwrap().to_owned(), fs::read(&path).unwrap());
        let template = Self { files: paths.into_iter().map(read).collect(), backups: names };
        template.assert_the_wal_matters();
        template
    }

    /// The backup that the restores go back to.
    pub(crate) fn older(&self) -> &str {
        &self.backups[0]
    }

    /// The newer one.
    pub(crate) fn newer(&self) -> &str {
        &self.backups[1]
    }

    /// Puts the files of `folder` (`data` or `backup`) into `data`.
    pub(crate) fn put(&self, folder: &str, data: &Data) {
        for (path, bytes) in self.files.iter().filter(|(path, _)| path.starts_with(folder)) {
            fs::write(data.path().join(path), bytes).unwrap();
        }
    }

    /// One of the files, by its path in a data folder.
    pub(crate) fn file(&self, path: &str) -> &[u8] {
        let (_, bytes) = self.files.iter().find(|(known, _)| known == Path::new(path)).unwrap();
        bytes
    }

    /// The ten newest events must be in the WAL only, or a WAL that is removed too early would not be noticed.
    fn assert_the_wal_matters(&self) {
        let without = Data::new();
        fs::write(without.database(), self.file("data/app.db")).unwrap();
        assert_eq!(without.open().messages(), newer());
    }
}

/// Tests that sync ten thousand times do it in memory, where the system has such a folder: a power loss is played by
/// the crash layer and needs no disk.
pub(crate) fn use_memory() {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() && tempfile::tempdir_in(memory).is_ok() {
        // Refused where a folder was set already, which is then used.
        drop(tempfile::env::override_temp_dir(memory));
    }
}

fn is_lock(path: &Path) -> bool {
    path.ends_with(".pra.lock") || path.ends_with(".pra.catalog")
}

/// The files of a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
