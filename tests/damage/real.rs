//! Databases that real programs made (`museum/README.md`): every path keeps every byte of them.

use std::fs;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Job, Minio, Store, root, sqlite3};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::museum::beside;

/// A database of the museum.
struct Exhibit {
    /// Its folder in the museum, all of whose files lie beside it.
    folder: &'static str,
    database: &'static str,
    /// A table of which rows can be lost.
    table: &'static str,
    /// Whether its copies come with a warning.
    warned: bool,
}

const fn exhibit(folder: &'static str, database: &'static str, table: &'static str) -> Exhibit {
    Exhibit { folder, database, table, warned: false }
}

const EXHIBITS: [Exhibit; 9] = [
    Exhibit { warned: true, ..exhibit("anki", "collection.anki2", "notes") },
    exhibit("django", "db.sqlite3", "django_session"),
    exhibit("geopackage", "places.gpkg", "places"),
    exhibit("pocketbase", "data.db", "places"),
    exhibit("pocketbase", "auxiliary.db", "_logs"),
    exhibit("sqlite3", "reserved.db", "item"),
    exhibit("sqlite3", "utf16.db", "item"),
    exhibit("sqlite3", "hot-journal.db", "item"),
    exhibit("sqlite3", "killed-writer.db", "item"),
];

/// Bytes of page 1 that SQLite changes without changing content: journal mode, change counters, schema cookie, version.
const VOLATILE: [std::ops::Range<usize>; 3] = [18..20, 24..28, 40..44];
const WRITTEN_LAST: std::ops::Range<usize> = 92..100;

/// An exhibit in a data folder of its own.
struct Shown {
    data: Data,
    database: PathBuf,
    /// All that was committed, to the byte, as the system's SQLite sees it.
    original: Vec<u8>,
}

impl Exhibit {
    fn show(&self) -> Shown {
        let data = Data::new();
        let from = root().join("tests/damage/museum").join(self.folder);
        for entry in fs::read_dir(&from).unwrap() {
            let packed = entry.unwrap().path();
            let name = packed.file_stem().unwrap();
            let bytes = zstd::decode_all(fs::File::open(&packed).unwrap()).unwrap();
            fs::write(data.path().join("data").join(name), bytes).unwrap();
        }
        let database = data.path().join("data").join(self.database);
        let original = content(&database);
        Shown { data, database, original }
    }

    /// Rows are lost, and what a header holds is changed.
    fn spoil(&self, shown: &Shown) {
        let connection = Connection::open(&shown.database).unwrap();
        // They call functions of the application.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).unwrap();
        let sql =
            "PRAGMA user_version = 4242; PRAGMA application_id = 4242; CREATE TABLE spoiled AS SELECT zeroblob(9999)";
        connection.execute_batch(sql).unwrap();
        assert!(connection.execute(&format!("DELETE FROM {} WHERE rowid % 2", self.table), []).unwrap() > 0);
        drop(connection);
        assert!(content(&shown.database) != shown.original, "{}", self.database);
    }
}

impl Shown {
    fn job(&self, verb: &str) -> Job {
        Job::new(verb, &self.data).env("PRA_DATABASE", &self.database)
    }

    /// Once, all of it.
    #[track_caller]
    fn ship(&self, store: &Store, warned: Option<bool>) {
        let made = store.given_to(self.job("replicate")).arg("--once").run();
        assert_eq!(made.code, Some(0), "{}: {}{}", self.database.display(), made.stdout, made.stderr);
        let is_said = made.stderr.contains("the replica is as sound as the database");
        assert_eq!(is_said, warned.unwrap_or(is_said), "{}: {}", self.database.display(), made.stderr);
    }

    #[track_caller]
    fn assert_as_it_was(&self, database: &Path, when: &str) {
        let found = content(database);
        assert_eq!(found.len(), self.original.len(), "{}, {when}: bytes", self.database.display());
        let differs = found.iter().zip(&self.original).position(|(found, original)| found != original);
        assert_eq!(differs, None, "{}, {when}: the first byte that differs", self.database.display());
    }

    /// The volume is lost, with all that this program knows of the database.
    fn lose(&self) {
        fs::remove_dir_all(self.database.parent().unwrap()).unwrap();
        fs::create_dir(self.database.parent().unwrap()).unwrap();
    }
}

/// All bytes but the volatile ones, after recovery by the system's SQLite in another place: page size, encoding, reserved
/// bytes, application id and user version are among them.
fn content(database: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(database.file_name().unwrap());
    for suffix in ["", "-wal", "-journal"] {
        if beside(database, suffix).exists() {
            fs::copy(beside(database, suffix), beside(&copy, suffix)).unwrap();
        }
    }
    drop(sqlite3(&copy, "SELECT count(*) FROM sqlite_schema; PRAGMA wal_checkpoint(TRUNCATE)"));
    let mut bytes = fs::read(copy).unwrap();
    VOLATILE.into_iter().chain([WRITTEN_LAST]).for_each(|range| bytes[range].fill(0));
    bytes
}

fn warnings(report: &serde_json::Value) -> usize {
    report["warnings"].as_array().unwrap().len()
}

#[test]
fn a_real_database_comes_back_from_its_backup_to_the_byte_in_both_ways() {
    for exhibit in &EXHIBITS {
        let (shown, name) = (exhibit.show(), exhibit.database);
        let made = shown.job("backup").succeeds();
        assert_eq!(warnings(&made) > 0, exhibit.warned, "{name}: {made}");
        let file = made["file"].as_str().unwrap();
        shown.assert_as_it_was(&shown.data.backups().join(file), "the backup");
        shown.assert_as_it_was(&shown.database, "the database after the backup");
        assert_eq!(shown.job("verify").arg(file).succeeds()[0]["verified"], true, "{name}");
        for mode in ["in-place", "replace"] {
            exhibit.spoil(&shown);
            let report = shown.job("restore").args(&["--yes", "--mode", mode, "--point", file]).succeeds();
            assert_eq!((&report["mode"], warnings(&report) > 0), (&mode.into(), exhibit.warned), "{name}: {report}");
            shown.assert_as_it_was(&shown.database, mode);
        }
        shown.lose();
        let report = shown.job("init").succeeds();
        assert_eq!(warnings(&report) > 0, exhibit.warned, "{name}: {report}");
        shown.assert_as_it_was(&shown.database, "init");
    }
}

/// Through a replica in `store`: both modes of a restore, a rehearsal, and `init` on a volume that was lost.
fn comes_back_from(store: &Store, exhibit: &Exhibit, shown: &Shown) {
    let name = format!("{} from {}", exhibit.database, store.url);
    shown.job("backup").succeeds();
    shown.ship(store, Some(exhibit.warned));
    for mode in ["in-place", "replace"] {
        exhibit.spoil(shown);
        let report = store.given_to(shown.job("restore")).args(&["--yes", "--mode", mode]).succeeds();
        assert_eq!((&report["mode"], warnings(&report) > 0), (&mode.into(), exhibit.warned), "{name}: {report}");
        shown.assert_as_it_was(&shown.database, mode);
    }
    let rehearsed = store.given_to(shown.job("rehearse")).succeeds();
    let good: Vec<_> = rehearsed.as_array().unwrap().iter().map(|one| one["good"] == true).collect();
    assert_eq!(good, [true, true], "{name}: {rehearsed}");
    fs::remove_dir_all(shown.data.backups()).unwrap();
    fs::create_dir(shown.data.backups()).unwrap();
    shown.lose();
    let report = store.given_to(shown.job("init")).succeeds();
    assert_eq!(warnings(&report) > 0, exhibit.warned, "{name}: {report}");
    shown.assert_as_it_was(&shown.database, "init");
}

#[test]
fn a_real_database_comes_back_from_a_folder_to_the_byte_in_every_way() {
    for exhibit in &EXHIBITS {
        let shown = exhibit.show();
        comes_back_from(&Store::folder(&shown.data, "store"), exhibit, &shown);
    }
}

#[test]
fn a_real_database_comes_back_from_s3_to_the_byte_in_every_way() {
    let minio = Minio::shared();
    for exhibit in &EXHIBITS {
        comes_back_from(&minio.store(exhibit.database), exhibit, &exhibit.show());
    }
}

/// As PocketBase has it: two databases in one folder, each with backups and a replica of its own.
fn leaves_the_other_alone(stores: [&Store; 2], shown: &Shown, other: Shown) {
    let [_, _, _, data, auxiliary, ..] = &EXHIBITS;
    for (one, store) in [shown, &other].into_iter().zip(stores) {
        one.job("backup").succeeds();
        one.ship(store, None);
    }
    for mode in ["in-place", "replace"] {
        for from_replica in [false, true] {
            data.spoil(shown);
            let job = shown.job("restore").args(&["--yes", "--mode", mode]);
            if from_replica { stores[0].given_to(job) } else { job }.succeeds();
            shown.assert_as_it_was(&shown.database, mode);
            other.assert_as_it_was(&other.database, mode);
        }
    }
    // The other's replicator goes on where it was.
    auxiliary.spoil(&other);
    other.ship(stores[1], None);
    let shipped = Shown { original: content(&other.database), ..other };
    Connection::open(&shipped.database).unwrap().execute_batch("DELETE FROM _logs").unwrap();
    stores[1].given_to(shipped.job("restore")).arg("--yes").succeeds();
    shipped.assert_as_it_was(&shipped.database, "what its replicator shipped afterwards");
}

#[test]
fn of_two_databases_in_one_folder_a_restore_of_one_leaves_the_other_alone() {
    let minio = Minio::shared();
    let [_, _, _, data, auxiliary, ..] = &EXHIBITS;
    for in_s3 in [false, true] {
        let shown = data.show();
        let (database, data) = (shown.database.with_file_name(auxiliary.database), Data::new());
        let other = Shown { original: content(&database), data, database };
        let stores = if in_s3 {
            ["two/data", "two/auxiliary"].map(|prefix| minio.store(prefix))
        } else {
            [&shown, &other].map(|one| Store::folder(&one.data, "store"))
        };
        leaves_the_other_alone(stores.each_ref(), &shown, other);
    }
}
