//! What is watched: an application, a replicator with a folder as its store, backups.

use std::fs;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Host, Job, Process, wait_until};

use crate::alarms::Alarms;
use crate::prometheus::{Prometheus, free_port};

pub(crate) struct Scene {
    pub(crate) data: Data,
    host: Option<Host>,
    replicator: Option<Process>,
    ports: (u16, u16),
}

impl Scene {
    /// A database with three events, in which all is well: one backup and a rehearsal of all there is.
    #[track_caller]
    pub(crate) fn well() -> Self {
        let mut scene = Self::without_backups();
        scene.make_well();
        scene
    }

    /// A backup, a replica, and a rehearsal of both.
    #[track_caller]
    pub(crate) fn make_well(&mut self) {
        self.backup();
        self.replicate();
        self.wait_for_replica();
        self.rehearse().succeeds();
    }

    /// The same without backup, replicator and rehearsal.
    #[track_caller]
    pub(crate) fn without_backups() -> Self {
        Self::of(Data::new())
    }

    /// The same in this folder.
    #[track_caller]
    pub(crate) fn of(data: Data) -> Self {
        Job::new("init", &data).succeeds();
        data.open().add(["one", "two", "three"]);
        fs::create_dir_all(data.path().join("disk/replica")).unwrap();
        let mut scene = Self { data, host: None, replicator: None, ports: (free_port(), free_port()) };
        scene.serve();
        scene
    }

    /// Prometheus, scraping both programs.
    #[track_caller]
    pub(crate) fn watched(&self, alarms: &Alarms) -> Prometheus {
        let targets = [self.ports.0, self.ports.1].map(|port| format!("127.0.0.1:{port}"));
        Prometheus::start(alarms, &targets)
    }

    /// The disk that the replica lies on.
    pub(crate) fn disk(&self) -> PathBuf {
        self.data.path().join("disk")
    }

    /// Where the replica lies.
    pub(crate) fn store(&self) -> PathBuf {
        self.disk().join("replica")
    }

    pub(crate) fn store_url(&self) -> String {
        format!("file://{}", self.store().display())
    }

    #[track_caller]
    pub(crate) fn serve(&mut self) {
        self.host = Some(Host::options().port(self.ports.0).start(&self.data));
    }

    pub(crate) fn kill_application(&mut self) {
        self.host.take().unwrap().kill();
    }

    /// Starts the replicator.
    #[track_caller]
    pub(crate) fn replicate(&mut self) {
        let job = Job::new("replicate", &self.data).arg("--replica").arg(self.store_url());
        let address = format!("127.0.0.1:{}", self.ports.1);
        let job = job.arg("--metrics-addr").arg(address);
        self.replicator = Some(job.start(&self.data));
    }

    #[track_caller]
    pub(crate) fn wait_for_replica(&mut self) {
        let url = self.store_url();
        self.replicator.as_mut().unwrap().line(&format!(r#"{{"replica":"{url}""#));
        // The store is reached; now it gets the whole database.
        wait_until("the replica has the database", || has_a_snapshot(&self.store()));
    }

    pub(crate) fn kill_replicator(&mut self) {
        self.replicator.take().unwrap().kill();
    }

    /// An event, and a backup that has it.
    #[track_caller]
    pub(crate) fn backup(&self) -> PathBuf {
        self.data.open().add(["another"]);
        let answer = Job::new("backup", &self.data).succeeds();
        self.data.backups().join(answer["file"].as_str().unwrap())
    }

    /// A rehearsal of the backups and the replica, to be run.
    pub(crate) fn rehearse(&self) -> Job {
        Job::new("rehearse", &self.data).arg("--replica").arg(self.store_url())
    }
}

/// Whether any epoch in the store has a file of level 9.
fn has_a_snapshot(store: &Path) -> bool {
    let epochs = fs::read_dir(store).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let level = |epoch: PathBuf| fs::read_dir(epoch.join("ltx/9"));
    epochs.filter_map(|epoch| level(epoch).ok()).flatten().next().is_some()
}
