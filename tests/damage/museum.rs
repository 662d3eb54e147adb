//! Builders: a data folder with two backups, and the ways to damage a file.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, root};

/// A data folder whose database has gone through two backups.
///
/// ```text
/// events   15 a │  5 b │ 3 c      and some free pages, since events were removed before the first backup
/// backup   older┘ newer┘   └ in the WAL of an application that has died
/// ```
pub(crate) struct Museum {
    pub(crate) data: Data,
    pub(crate) older: String,
    pub(crate) newer: String,
}

impl Museum {
    pub(crate) fn new() -> Self {
        let data = Data::new();
        let database = application(&data);
        add(&database, "removed", 40);
        database.run("DELETE FROM events");
        // 20 events short of what was removed, so that some of its pages stay free.
        let older = add_and_back_up(&data, &database, "a", 15);
        let newer = add_and_back_up(&data, &database, "b", 5);
        add(&database, "c", 3);
        // The application dies: a last close would have written the WAL into the file.
        let died = tempfile::tempdir_in(data.path()).unwrap();
        copy_with_wal(&data.database(), &died.path().join("app.db"));
        drop(database);
        copy_with_wal(&died.path().join("app.db"), &data.database());
        Self { data, older, newer }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.data.backups().join(name)
    }

    /// What `verify` says about the newer backup, which must be an error; the folder's own name is cut out.
    pub(crate) fn verdict(&self) -> String {
        let answer = Job::new("verify", &self.data).arg(&self.newer).fails_with(4);
        let json = answer.json();
        let error = json[0]["error"].as_str().unwrap_or_else(|| panic!("no error in {json}"));
        self.without_folder(error)
    }

    pub(crate) fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.data.path().display()), "").replace(&self.newer, "NEWER")
    }

    /// What the live database holds, as `round` and count.
    pub(crate) fn live(&self) -> Vec<(String, usize)> {
        rounds(&self.data.open())
    }
}

/// An empty application in WAL mode.
pub(crate) fn application(data: &Data) -> Database {
    let database = Database::create(&data.database());
    database.run("PRAGMA journal_mode = WAL");
    database.run(&schema());
    database
}

pub(crate) fn schema() -> String {
    fs::read_to_string(root().join("components/events/schema.sql")).unwrap()
}

pub(crate) fn messages(round: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{round}-{i} {}", "x".repeat(700))).collect()
}

pub(crate) fn add(database: &Database, round: &str, n: usize) {
    database.add(messages(round, n).iter().map(String::as_str));
}

/// Adds a round of events and backs up; the backup's name.
pub(crate) fn add_and_back_up(data: &Data, database: &Database, round: &str, n: usize) -> String {
    add(database, round, n);
    let report = Job::new("backup", data).arg("--no-prune").succeeds();
    report["file"].as_str().unwrap().to_owned()
}

/// The rounds of events in a database, with how many there are of each.
pub(crate) fn rounds(database: &Database) -> Vec<(String, usize)> {
    let mut rounds: Vec<(String, usize)> = Vec::new();
    for message in database.messages() {
        let round = message.split('-').next().unwrap().to_owned();
        match rounds.iter_mut().find(|(known, _)| *known == round) {
            Some((_, n)) => *n += 1,
            None => rounds.push((round, 1)),
        }
    }
    rounds
}

/// The rounds as a test writes them down.
pub(crate) fn of(rounds: &[(&str, usize)]) -> Vec<(String, usize)> {
    rounds.iter().map(|(round, n)| ((*round).to_owned(), *n)).collect()
}

/// What `integrity_check` says about a file that no process uses.
pub(crate) fn integrity(path: &Path) -> String {
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::copy(path, copy.path()).unwrap();
    Database::open(copy.path()).integrity()
}

/// Flips one bit. A backup may be a hard link: its other names see it as well.
pub(crate) fn flip_bit(path: &Path, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x01], offset).unwrap();
}

pub(crate) fn cut(path: &Path, bytes: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// Where `text` is first found.
pub(crate) fn position_of(path: &Path, text: &str) -> u64 {
    let bytes = fs::read(path).unwrap();
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() as u64
}

/// A page on the list of free pages: its content means nothing. Header bytes 32–35: the first trunk page; its bytes
/// 8–11: the first leaf.
pub(crate) fn offset_in_a_free_page(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let trunk = (number(32) - 1) * page_size(path);
    ((number(trunk + 8) - 1) * page_size(path) + 100) as u64
}

pub(crate) fn page_size(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap();
    usize::from(u16::from_be_bytes([bytes[16], bytes[17]]))
}

/// Copies a database's files as `cp` does.
pub(crate) fn copy_with_wal(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        if beside(from, suffix).exists() {
            fs::copy(beside(from, suffix), beside(to, suffix)).unwrap();
        }
    }
}

/// A sidecar of a database.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
