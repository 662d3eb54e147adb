//! The replicator: `backup-job` or Litestream.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::place::{Store, remove};
use crate::measure::Side;
use crate::ours::Files;
use crate::process::Service;
use crate::rows::Bench;

/// The default of both.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Names the program; `cargo xtask bench` installs it.
const LITESTREAM: &str = "PRA_LITESTREAM";

/// One of the two.
pub(super) enum Replicator {
    Ours,
    Litestream(PathBuf),
}

impl Replicator {
    /// Those that are there and asked for.
    pub(super) fn all(bench: &Bench<'_>) -> Vec<Self> {
        let litestream = std::env::var_os(LITESTREAM).map(|program| Self::Litestream(program.into()));
        let all = [Some(Self::Ours), litestream].into_iter().flatten();
        all.filter(|replicator| bench.options.runs(replicator.side())).collect()
    }

    pub(super) fn side(&self) -> Side {
        match self {
            Self::Ours => Side::Ours,
            Self::Litestream(_) => Side::Peer,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ours => "backup-job",
            Self::Litestream(_) => "litestream 0.5.17",
        }
    }

    /// Starts it and waits until the store has a first file.
    pub(super) fn start(&self, bench: &Bench<'_>, files: &Files, store: &Store, interval: Duration) -> Result<Service> {
        let beside = |name: &str| files.backups.with_file_name(name);
        let interval = humantime::format_duration(interval).to_string();
        let mut command = match self {
            Self::Ours => {
                let mut command = files.backup_job(&bench.project, "replicate");
                command.args(["--replica", &store.url, "--sync-interval", &interval]);
                command
            }
            Self::Litestream(program) => {
                // It looks at the database, and at what is to be uploaded, each in its own time.
                let config = serde_json::json!({ "dbs": [{
                    "path": files.database,
                    "monitor-interval": interval,
                    "replica": { "url": store.litestream_url, "sync-interval": interval },
                }] });
                // JSON is YAML as well.
                let path = beside("litestream.yml");
                std::fs::write(&path, config.to_string()).context("failed to write Litestream's configuration")?;
                let mut command = Command::new(program);
                command.args(["replicate", "-config"]).arg(path);
                command
            }
        };
        let log = beside("replicator.log");
        let talk = std::fs::File::create(&log).with_context(|| format!("failed to create '{}'", log.display()))?;
        store.known_to(&mut command).stdout(Stdio::null()).stderr(talk);
        let mut service = Service::start(&mut command)?;
        service
            .wait_for("the store had a first file", || store.has_begun())
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        Ok(service)
    }

    /// One sync, to its end.
    pub(super) fn once(&self, bench: &Bench<'_>, files: &Files, store: &Store) -> Command {
        let mut command = match self {
            Self::Ours => {
                let mut command = files.backup_job(&bench.project, "replicate");
                command.args(["--once", "--replica", &store.url]);
                command
            }
            Self::Litestream(program) => {
                let mut command = Command::new(program);
                command.args(["replicate", "-once"]).arg(&files.database).arg(&store.litestream_url);
                command
            }
        };
        store.known_to(&mut command);
        command
    }

    /// A restore to where there is no database yet, of the latest where `instant` is none.
    pub(super) fn restore(
        &self,
        bench: &Bench<'_>,
        target: &Files,
        store: &Store,
        instant: Option<SystemTime>,
    ) -> Command {
        let instant = instant.map(|instant| humantime::format_rfc3339_millis(instant).to_string());
        let mut command = match self {
            Self::Ours => {
                let mut command = target.backup_job(&bench.project, "restore");
                command.args(["--yes", "--mode", "replace", "--replica", &store.url]);
                command.args(instant.iter().flat_map(|instant| ["--point", instant]));
                command
            }
            Self::Litestream(program) => {
                let mut command = Command::new(program);
                command.args(["restore", "-o"]).arg(&target.database);
                command.args(instant.iter().flat_map(|instant| ["-timestamp", instant]));
                command.arg(&store.litestream_url);
                command
            }
        };
        store.known_to(&mut command);
        command
    }

    /// Removes what it keeps beside the database: the next sync is its first.
    pub(super) fn forget(&self, files: &Files) -> Result<()> {
        let state = match self {
            Self::Ours => ".app.db.pra/replica",
            Self::Litestream(_) => ".app.db-litestream",
        };
        remove(&files.database.with_file_name(state))
    }
}
