//! A scenario: the command, the data before it, and the states that are allowed afterwards.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use mini_pra_tests::{Data, Database, Job};

use crate::key;
use crate::place::State;
use crate::template::{TEMPLATE, files, live, newer, older};

/// A command on a prepared data folder.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) verb: &'static str,
    arguments: Vec<String>,
    /// Fills an empty data folder.
    pub(crate) prepare: fn(&Data),
    /// The database before.
    pub(crate) old: State,
    /// The database after.
    pub(crate) new: State,
    /// Whether the template's backups are there before.
    has_backups: bool,
    /// Whether a backup that was there may go.
    pub(crate) removes_backups: bool,
    /// Whether what is written into the backup folder is to be encrypted, and what is encrypted there can be opened.
    pub(crate) encrypted: bool,
}

fn live_database(data: &Data) {
    TEMPLATE.put("data", data);
}

fn backups(data: &Data) {
    TEMPLATE.put("backup", data);
}

/// The WAL of the lost database is still there. It would be replayed into whatever file takes the name.
fn stale_wal(data: &Data) {
    fs::write(data.path().join("data/app.db-wal"), TEMPLATE.file("data/app.db-wal")).unwrap();
}

fn live_and_backups(data: &Data) {
    live_database(data);
    backups(data);
}

/// A backup is a database in rollback-journal mode.
fn without_wal(data: &Data, backup: &str) {
    backups(data);
    fs::write(data.database(), TEMPLATE.file(&format!("backup/{backup}"))).unwrap();
}

/// The database is backed up as it is, by a run in this folder: it is recognised by its files' times.
fn backed_up(data: &Data) {
    live_and_backups(data);
    Job::new("backup", data).arg("--no-prune").succeeds();
}

/// An encrypted backup of what the older backup of the template holds, and none but that.
fn encrypted_older(data: &Data) {
    fs::write(data.database(), TEMPLATE.file(&format!("backup/{}", TEMPLATE.older()))).unwrap();
    key::encrypting(Job::new("backup", data)).succeeds();
    // Which database this is stays known: it is the same one that comes back.
    for path in files(data.database().parent().unwrap()).into_iter().filter(|path| path.is_file()) {
        fs::remove_file(path).unwrap();
    }
}

fn live_and_encrypted_older(data: &Data) {
    encrypted_older(data);
    live_database(data);
}

/// The header says that this is no database.
fn damaged(data: &Data) {
    live_and_backups(data);
    let mut file = fs::OpenOptions::new().write(true).open(data.database()).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(&[0xa5; 8192]).unwrap();
    fs::remove_file(data.path().join("data/app.db-wal")).unwrap();
}

fn events(messages: Vec<String>) -> State {
    State::Events(messages)
}

impl Scenario {
    /// Reads or copies the live database, which stays as it is.
    fn reading(name: &'static str, verb: &'static str, prepare: fn(&Data)) -> Self {
        let state = events(live());
        let (old, new) = (state.clone(), state);
        Self {
            name,
            verb,
            arguments: Vec::new(),
            prepare,
            old,
            new,
            has_backups: true,
            removes_backups: false,
            encrypted: false,
        }
    }

    fn init(name: &'static str, prepare: fn(&Data), new: Vec<String>) -> Self {
        Self { old: State::Nothing, new: events(new), ..Self::reading(name, "init", prepare) }
    }

    /// All backups are of the same minute or two: the default rules would let most of them go.
    fn backup(name: &'static str, prepare: fn(&Data)) -> Self {
        Self { arguments: vec!["--no-prune".to_owned()], ..Self::reading(name, "backup", prepare) }
    }

    fn restore(name: &'static str, mode: &str, prepare: fn(&Data), old: State) -> Self {
        let arguments = ["--point", TEMPLATE.older(), "--mode", mode, "--yes"].map(str::to_owned).to_vec();
        Self { arguments, old, new: events(older()), ..Self::reading(name, "restore", prepare) }
    }

    pub(crate) fn init_creating() -> Self {
        Self { has_backups: false, ..Self::init("init, creating", |_| (), Vec::new()) }
    }

    pub(crate) fn init_restoring() -> Self {
        Self::init("init, restoring", backups, newer())
    }

    /// The backups have an owner, and its volume is lost: what comes back is that database.
    pub(crate) fn init_of_a_lost_volume() -> Self {
        let prepare = |data: &Data| {
            backups(data);
            let owner = "database_id = '0123456789abcdef0123456789abcdef', database = '/lost/app.db', host = 'lost'";
            Database::open(&data.catalog()).run(&format!("UPDATE publication SET {owner}"));
        };
        Self::init("init, restoring a lost volume", prepare, newer())
    }

    pub(crate) fn init_beside_a_stale_wal() -> Self {
        let prepare = |data: &Data| {
            backups(data);
            stale_wal(data);
        };
        Self::init("init, beside a stale WAL", prepare, newer())
    }

    pub(crate) fn first_backup() -> Self {
        Self { has_backups: false, ..Self::backup("backup, first", live_database) }
    }

    pub(crate) fn backup_of_a_changed_database() -> Self {
        Self::backup("backup, changed", live_and_backups)
    }

    pub(crate) fn backup_of_an_unchanged_database() -> Self {
        Self::backup("backup, unchanged", backed_up)
    }

    pub(crate) fn prune() -> Self {
        let arguments = ["--keep-last", "1"].map(str::to_owned).to_vec();
        Self { arguments, removes_backups: true, ..Self::reading("prune", "prune", backed_up) }
    }

    pub(crate) fn verify() -> Self {
        Self::reading("verify", "verify", live_and_backups)
    }

    pub(crate) fn restore_in_place() -> Self {
        Self::restore("restore, in place", "in-place", live_and_backups, events(live()))
    }

    /// As Spin leaves a database where the application sets no PRAGMA; pages that go must be in the journal first.
    pub(crate) fn restore_in_place_shrinking_without_wal() -> Self {
        let prepare = |data: &Data| without_wal(data, TEMPLATE.newer());
        Self::restore("restore, in place, shrinking, rollback journal", "in-place", prepare, events(newer()))
    }

    pub(crate) fn restore_in_place_growing_without_wal() -> Self {
        let prepare = |data: &Data| without_wal(data, TEMPLATE.older());
        let name = "restore, in place, growing, rollback journal";
        let shrinking = Self::restore(name, "in-place", prepare, events(older()));
        let arguments = shrinking.arguments.iter().map(|argument| match argument == TEMPLATE.older() {
            true => TEMPLATE.newer().to_owned(),
            false => argument.clone(),
        });
        Self { arguments: arguments.collect(), new: events(newer()), ..shrinking }
    }

    pub(crate) fn replace_readable() -> Self {
        Self::restore("restore, replacing a readable database", "replace", live_and_backups, events(live()))
    }

    pub(crate) fn replace_damaged() -> Self {
        Self::restore("restore, replacing a damaged database", "replace", damaged, State::Damaged)
    }

    pub(crate) fn restore_missing() -> Self {
        let prepare = |data: &Data| {
            backups(data);
            stale_wal(data);
        };
        Self::restore("restore, database missing", "auto", prepare, State::Nothing)
    }

    pub(crate) fn encrypted_backup() -> Self {
        Self { encrypted: true, ..Self::backup("backup, encrypted", live_and_backups) }
    }

    /// The safety copy is what is encrypted.
    pub(crate) fn restore_in_place_encrypting() -> Self {
        let name = "restore, in place, encrypting the state before";
        Self { encrypted: true, ..Self::restore(name, "in-place", live_and_backups, events(live())) }
    }

    pub(crate) fn replace_encrypting() -> Self {
        let name = "restore, replacing, encrypting the state before";
        Self { encrypted: true, ..Self::restore(name, "replace", live_and_backups, events(live())) }
    }

    pub(crate) fn restore_of_an_encrypted_backup() -> Self {
        let arguments = ["--point", "latest", "--mode", "in-place", "--yes"].map(str::to_owned).to_vec();
        let restore =
            Self::restore("restore, in place, of an encrypted backup", "", live_and_encrypted_older, events(live()));
        Self { arguments, has_backups: false, encrypted: true, ..restore }
    }

    pub(crate) fn init_of_an_encrypted_backup() -> Self {
        let init = Self::init("init, restoring an encrypted backup", encrypted_older, older());
        Self { has_backups: false, encrypted: true, ..init }
    }

    /// Adds the arguments, and the keys in `data`.
    pub(crate) fn job(&self, job: Job, data: &Data) -> Job {
        let job = self.arguments.iter().fold(job, Job::arg);
        match (self.encrypted, self.verb) {
            (false, _) => job,
            (true, "backup") => key::encrypting(job),
            (true, _) => key::opening(key::encrypting(job), data),
        }
    }

    /// The backups that were there before.
    pub(crate) fn backups_before(&self) -> &'static [String] {
        if self.has_backups { &TEMPLATE.backups } else { &[] }
    }

    /// What a backup or a safety copy may hold.
    pub(crate) fn is_known(&self, state: &State) -> bool {
        [older(), newer(), live()].into_iter().any(|messages| events(messages) == *state)
            || self.old == *state
            || self.new == *state
    }
}
