//! One run's data folder, and the folder for what a power loss brings back.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, JobAnswer};

use crate::death::Death;
use crate::scenario::Scenario;

/// What a database file is, as far as a reader can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// No file, one of 0 bytes, or one without tables: no database yet.
    Nothing,
    /// A whole database with these events.
    Events(Vec<String>),
    /// SQLite refuses it.
    Damaged,
}

/// A data folder, fresh from the template and prepared for a scenario.
pub(crate) struct Place {
    pub(crate) data: Data,
    /// On the same volume as the data, as hard links need it.
    side: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let data = Data::new();
        (scenario.prepare)(&data);
        Self { data, side: tempfile::tempdir().unwrap() }
    }

    /// Runs the scenario's command without harm.
    pub(crate) fn run(&self, scenario: &Scenario) -> JobAnswer {
        scenario.job(Job::with_crash_points(scenario.verb, &self.data), &self.data).run()
    }

    /// Runs it and returns its operations.
    pub(crate) fn trace(&self, scenario: &Scenario) -> (JobAnswer, Vec<Operation>) {
        let trace = self.side.path().join("trace");
        let job = Job::with_crash_points(scenario.verb, &self.data).env("PRA_CRASH_TRACE", &trace);
        let answer = scenario.job(job, &self.data).run();
        let text = fs::read_to_string(trace).unwrap_or_default();
        (answer, text.lines().map(Operation::parse).collect())
    }

    /// Runs it with `death` at operation `number`.
    pub(crate) fn run_until(&self, scenario: &Scenario, number: usize, death: Death) -> JobAnswer {
        let job = scenario.job(Job::with_crash_points(scenario.verb, &self.data), &self.data);
        death.strike(job, number, self.side.path())
    }

    /// The same on a disk that only pretends to do operations of `kind`.
    pub(crate) fn run_on_a_disk_deaf_to(
        &self,
        kind: &str,
        scenario: &Scenario,
        number: usize,
        death: Death,
    ) -> JobAnswer {
        let job = scenario.job(Job::with_crash_points(scenario.verb, &self.data), &self.data);
        let job = job.env("PRA_CRASH_DEAF", kind);
        death.strike(job, number, self.side.path())
    }

    /// What the live database is now. Looked at in a copy: opening it would recover and checkpoint it, and what is to
    /// be recovered is the next run's work.
    pub(crate) fn database(&self) -> State {
        let copy = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal", "-journal"] {
            let from = suffixed(&self.data.database(), suffix);
            if from.exists() {
                fs::copy(&from, suffixed(&copy.path().join("app.db"), suffix)).unwrap();
            }
        }
        state(&copy.path().join("app.db"))
    }
}

/// The state of the database at `path`, which no process uses.
pub(crate) fn state(path: &Path) -> State {
    if path.metadata().map_or(0, |meta| meta.len()) == 0 {
        return State::Nothing;
    }
    let database = Database::open(path);
    let tables = database.connection().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    match tables {
        Ok(0) => State::Nothing,
        Ok(_) if is_whole(&database) => State::Events(database.messages()),
        _ => State::Damaged,
    }
}

fn is_whole(database: &Database) -> bool {
    let check = database.connection().query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    check.is_ok_and(|said| said == "ok")
}

pub(crate) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::new(suffix));
    PathBuf::from(name)
}

/// A line of the trace.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) kind: String,
    text: String,
}

impl Operation {
    fn parse(line: &str) -> Self {
        let mut fields = line.split('\t');
        let (Some(_), Some(kind), Some(label), Some(path)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            panic!("not a line of a trace: {line}");
        };
        let name = Path::new(path).file_name().unwrap_or_default().display();
        Self { kind: kind.to_owned(), text: format!("{kind} {label} {name}") }
    }

    /// The process is about to end, having said that all is done.
    pub(crate) fn is_the_end(&self) -> bool {
        self.kind == "exit"
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
