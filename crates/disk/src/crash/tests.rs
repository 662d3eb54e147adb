//! The layer must itself be able to fail a test: what is not synced is really lost, what is synced never is.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::files::{self, Writer};

const CHILD: &str = "PRA_TEST_CRASH_CHILD";
const FOLDER: &str = "PRA_TEST_CRASH_FOLDER";

/// What a child process does in its folder.
type Script = fn(&Path);

const SCRIPTS: &[(&str, Script)] = &[
    ("publish", |folder| {
        let to = folder.join("file");
        files::publish("test", temporary(folder), &to).unwrap();
        files::remove("test:end", &to).unwrap();
    }),
    ("rename without sync", |folder| {
        files::rename("test", temporary(folder).path(), &folder.join("file")).unwrap();
        files::remove("test:end", &folder.join("file")).unwrap();
    }),
    ("rename without sync of the folder", |folder| {
        let temporary = temporary(folder);
        temporary.sync().unwrap();
        let to = folder.join("file");
        super::before("test", &files::Op::Rename(temporary.path(), &to)).unwrap();
        fs::rename(temporary.path(), &to).unwrap();
        files::remove("test:end", &to).unwrap();
    }),
    ("overwrite and cut", |folder| {
        let file = Writer::open("test", &folder.join("file")).unwrap();
        file.write_at(b"NEW", 4096 * 2 + 10).unwrap();
        file.truncate(5000).unwrap();
        file.write_at(b"NEW", 4990).unwrap();
        files::remove("test:end", &folder.join("file")).unwrap();
    }),
    ("remove and link", |folder| {
        files::hard_link("test", &folder.join("file"), &folder.join("second")).unwrap();
        files::remove("test", &folder.join("file")).unwrap();
        files::remove("test:end", &folder.join("second")).unwrap();
    }),
    ("insert with sync", |folder| insert(folder, "FULL")),
    ("insert without sync", |folder| insert(folder, "OFF")),
];

fn temporary(folder: &Path) -> Writer {
    let writer = Writer::create("test", &folder.join("file.tmp")).unwrap();
    for page in 0..3_u64 {
        writer.write_at(&[b'n'; 4096], page * 4096).unwrap();
    }
    writer
}

fn insert(folder: &Path, synchronous: &str) {
    super::install();
    let database = Connection::open(folder.join("app.db")).unwrap();
    database.pragma_update(None, "synchronous", synchronous).unwrap();
    database.execute_batch("INSERT INTO t VALUES ('new')").unwrap();
    files::remove("test:end", &folder.join("app.db")).unwrap();
}

#[test]
fn child() {
    let (Ok(name), Some(folder)) = (std::env::var(CHILD), std::env::var_os(FOLDER)) else { return };
    let (_, script) = SCRIPTS.iter().find(|(script, _)| *script == name).unwrap();
    script(Path::new(&folder));
}

/// A folder for the data, one for lost files and the trace.
struct Place(TempDir);

impl Place {
    fn new(old: Option<&[u8]>) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for name in ["data", "side"] {
            fs::create_dir(place.0.path().join(name)).unwrap();
        }
        if let Some(old) = old {
            fs::write(place.file(), old).unwrap();
        }
        place
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("data/file")
    }

    fn run(&self, script: &str, environment: &[(&str, &str)]) -> ExitStatus {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::tests::child", "--test-threads=1", "--quiet"])
            .env(CHILD, script)
            .env(FOLDER, self.0.path().join("data"))
            .env("PRA_CRASH_SIDE", self.0.path().join("side"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert_ne!(output.status.code(), Some(99), "{}", String::from_utf8_lossy(&output.stderr));
        output.status
    }

    /// Runs `script` once whole, on a place like this, and returns its operations as `kind label`.
    fn trace(script: &str, place: Self) -> Vec<String> {
        let trace = place.0.path().join("trace");
        assert!(place.run(script, &[("PRA_CRASH_TRACE", trace.to_str().unwrap())]).success());
        let lines = fs::read_to_string(trace).unwrap();
        lines.lines().map(|line| line.split('\t').skip(1).take(2).collect::<Vec<_>>().join(" ")).collect()
    }

    /// Runs `script` until the operation that begins with `kind label`, and dies there with power loss.
    fn lose_power_at(&self, script: &str, trace: &[String], operation: &str, seed: Option<u64>) {
        let number = trace.iter().position(|line| line == operation).unwrap() + 1;
        let (number, seed) = (number.to_string(), seed.map(|seed| seed.to_string()));
        let mut environment = vec![("PRA_CRASH_AT", number.as_str()), ("PRA_CRASH_MODE", "power")];
        environment.extend(seed.as_deref().map(|seed| ("PRA_CRASH_SUBSET", seed)));
        assert_eq!(self.run(script, &environment).signal(), Some(9));
    }
}

#[test]
fn a_published_file_is_the_old_or_the_new_one_whatever_a_power_loss_takes() {
    let trace = Place::trace("publish", Place::new(Some(b"old")));
    assert_eq!(
        trace.join(", "),
        "create test, write test, write test, write test, sync test, rename test, sync-folder test, remove test:end"
    );
    for number in 1..=trace.len() {
        for seed in ["", "1", "2", "3"] {
            let place = Place::new(Some(b"old"));
            let number = number.to_string();
            let mut environment = vec![("PRA_CRASH_AT", number.as_str()), ("PRA_CRASH_MODE", "power")];
            environment.extend((!seed.is_empty()).then_some(("PRA_CRASH_SUBSET", seed)));
            assert_eq!(place.run("publish", &environment).signal(), Some(9));
            let bytes = fs::read(place.file()).unwrap();
            let new = bytes == [b'n'; 3 * 4096];
            assert!(new || bytes == b"old", "at {number} with seed '{seed}'");
            assert!(new || number.parse::<usize>().unwrap() < trace.len(), "the whole was acknowledged");
        }
    }
}

#[test]
fn a_rename_without_a_sync_of_the_file_leaves_it_empty_or_torn() {
    let trace = Place::trace("rename without sync", Place::new(Some(b"old")));
    let after = |seed| {
        let place = Place::new(Some(b"old"));
        place.lose_power_at("rename without sync", &trace, "remove test:end", seed);
        fs::read(place.file()).unwrap()
    };
    assert_eq!(after(None), b"", "the name was synced, the content was not");
    let torn = (1..9).filter(|seed| {
        let bytes = after(Some(*seed));
        bytes.contains(&b'n') && bytes.contains(&0)
    });
    assert!(torn.count() > 0, "a part of the blocks reached the disk");
}

#[test]
fn a_rename_without_a_sync_of_the_folder_is_undone() {
    let script = "rename without sync of the folder";
    let trace = Place::trace(script, Place::new(Some(b"old")));
    let place = Place::new(Some(b"old"));
    place.lose_power_at(script, &trace, "remove test:end", None);
    assert_eq!(fs::read(place.file()).unwrap(), b"old", "the file that was displaced is back");
    assert!(!place.file().with_extension("tmp").exists(), "the temporary name was never synced");
}

#[test]
fn overwritten_and_cut_off_bytes_come_back() {
    let old: Vec<u8> = (0..20_000_u32).map(|i| (i % 251) as u8).collect();
    let trace = Place::trace("overwrite and cut", Place::new(Some(&old)));
    let place = Place::new(Some(&old));
    place.lose_power_at("overwrite and cut", &trace, "remove test:end", None);
    assert!(fs::read(place.file()).unwrap() == old);
}

#[test]
fn a_removal_that_was_not_synced_is_undone_and_a_synced_link_stays() {
    let trace = Place::trace("remove and link", Place::new(Some(b"old")));
    let place = Place::new(Some(b"old"));
    place.lose_power_at("remove and link", &trace, "remove test:end", None);
    assert_eq!(fs::read(place.file()).unwrap(), b"old");
    assert_eq!(fs::read(place.file().with_file_name("second")).unwrap(), b"old");
    assert_eq!(fs::read_dir(place.0.path().join("side")).unwrap().count(), 0, "no second name is left");
}

#[test]
fn a_torn_write_writes_its_first_half() {
    let place = Place::new(Some(b"old"));
    let status = place.run("publish", &[("PRA_CRASH_AT", "3"), ("PRA_CRASH_TORN", "1")]);
    assert_eq!(status.signal(), Some(9));
    assert_eq!(fs::metadata(place.file().with_extension("tmp")).unwrap().len(), 4096 + 2048);
}

#[test]
fn an_injected_error_reaches_the_caller() {
    let place = Place::new(Some(b"old"));
    assert_eq!(place.run("publish", &[("PRA_FAIL_AT", "5:EIO")]).code(), Some(101), "the script unwraps");
    assert_eq!(fs::read(place.file()).unwrap(), b"old");
}

fn database() -> Place {
    let place = Place::new(None);
    let database = Connection::open(place.0.path().join("data/app.db")).unwrap();
    database.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('old');").unwrap();
    place
}

fn rows(place: &Place) -> Vec<String> {
    let database = Connection::open(place.0.path().join("data/app.db")).unwrap();
    let mut statement = database.prepare("SELECT x FROM t").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_commit_that_sqlite_has_synced_survives_and_one_that_it_has_not_is_lost() {
    for (script, expected) in [("insert with sync", vec!["old", "new"]), ("insert without sync", vec!["old"])] {
        let trace = Place::trace(script, database());
        assert!(trace.iter().any(|line| line == "write sqlite:wal"), "{trace:?}");
        let place = database();
        place.lose_power_at(script, &trace, "remove test:end", None);
        assert!(!place.0.path().join("data/app.db-shm").exists());
        assert_eq!(rows(&place), expected, "{script}");
    }
}

#[test]
fn each_death_inside_a_commit_leaves_the_old_or_the_new_row() {
    let script = "insert with sync";
    let trace = Place::trace(script, database());
    let mut seen = std::collections::BTreeSet::new();
    let end = trace.iter().position(|line| line == "remove test:end").unwrap() + 1;
    for number in 1..=end {
        for mode in ["kill", "power"] {
            let place = database();
            let number = number.to_string();
            let status =
                place.run(script, &[("PRA_CRASH_AT", &number), ("PRA_CRASH_MODE", mode), ("PRA_CRASH_TORN", "1")]);
            assert_eq!(status.signal(), Some(9));
            let rows = rows(&place);
            assert!(rows == ["old"] || rows == ["old", "new"], "{mode} at {number}: {rows:?}");
            seen.insert(rows.len());
        }
    }
    assert_eq!(seen.len(), 2, "both were reached");
}

#[test]
fn a_full_disk_is_reported_by_sqlite_as_such() {
    let trace = Place::trace("insert with sync", database());
    let write = trace.iter().position(|line| line == "write sqlite:wal").unwrap() + 1;
    let place = database();
    let failure = format!("{write}:ENOSPC");
    assert_eq!(place.run("insert with sync", &[("PRA_FAIL_AT", &failure)]).code(), Some(101));
    assert_eq!(rows(&place), ["old"]);
}
