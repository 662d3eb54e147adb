//! A database and its backups under a clock that the test sets.

use std::fs;

use mini_pra_tests::{Data, Database, Job};
use serde_json::Value;

pub(crate) const HOUR: i64 = 3_600;
pub(crate) const YEAR: i64 = 365 * 24 * HOUR;

pub(crate) struct Scene {
    pub(crate) data: Data,
}

impl Scene {
    /// An application without events, its clock right.
    pub(crate) fn new() -> Self {
        let data = Data::new();
        let schema = fs::read_to_string(mini_pra_tests::root().join("components/events/schema.sql")).unwrap();
        Database::create(&data.database()).run(&format!("PRAGMA journal_mode = WAL; {schema}"));
        let scene = Self { data };
        scene.clock(0);
        scene
    }

    /// From now on the clock is wrong by so many seconds.
    pub(crate) fn clock(&self, wrong_by: i64) {
        // At once: a file that is half written would be another step.
        let (path, draft) = (self.data.path().join("clock"), self.data.path().join("clock.tmp"));
        fs::write(&draft, wrong_by.to_string()).unwrap();
        fs::rename(draft, path).unwrap();
    }

    /// A run of `backup-job` under that clock.
    pub(crate) fn job(&self, verb: &str) -> Job {
        Job::with_crash_points(verb, &self.data).env("PRA_TEST_CLOCK", self.data.path().join("clock"))
    }

    /// Adds an event and backs up; the name of the backup.
    #[track_caller]
    pub(crate) fn add_and_back_up(&self, message: &str, arguments: &[&str]) -> String {
        self.data.open().add([message]);
        let report = self.job("backup").args(arguments).succeeds();
        report["file"].as_str().unwrap().to_owned()
    }

    /// The row of `list` for a point.
    #[track_caller]
    pub(crate) fn listed(&self, point: &str) -> Value {
        let listed = self.job("list").succeeds();
        let row = listed.as_array().unwrap().iter().find(|row| row["point"] == point);
        row.unwrap_or_else(|| panic!("{point} is not in {listed}")).clone()
    }

    /// What the database holds once `point` is restored.
    #[track_caller]
    pub(crate) fn restored(&self, point: &str) -> Vec<String> {
        self.job("restore").args(&["--point", point, "--yes"]).succeeds();
        self.data.open().messages()
    }

    /// The volume of the database is lost.
    pub(crate) fn lose(&self) {
        fs::remove_dir_all(self.data.path().join("data")).unwrap();
        fs::create_dir(self.data.path().join("data")).unwrap();
    }
}
