//! Our side: `host` with the component, the checkpointer beside it, and `backup-job`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::process::{Ended, Says, Server, Service, run};
use crate::project::Project;

/// The application of one folder, running.
pub(crate) struct Ours {
    pub(crate) server: Server,
    _checkpointer: Service,
}

/// The files of one application.
pub(crate) struct Files {
    pub(crate) database: PathBuf,
    pub(crate) backups: PathBuf,
    runtime_config: PathBuf,
}

impl Files {
    /// Names them below `folder`; makes the backup folder and the runtime configuration.
    pub(crate) fn below(folder: &Path) -> Result<Self> {
        let files = Self {
            database: folder.join("data/app.db"),
            backups: folder.join("backup"),
            runtime_config: folder.join("runtime-config.toml"),
        };
        std::fs::create_dir_all(&files.backups)?;
        let text = format!(
            "[sqlite_database.default]\ntype = \"spin\"\npath = {}\n\n[sqlite_database.backups]\ntype = \"spin\"\npath = {}\n",
            quoted(&files.database)?,
            quoted(&files.backups.join("catalog.db"))?,
        );
        std::fs::write(&files.runtime_config, text).context("failed to write the runtime configuration")?;
        Ok(files)
    }

    /// The database's write-ahead log.
    pub(crate) fn wal(&self) -> PathBuf {
        let mut name = self.database.clone().into_os_string();
        name.push("-wal");
        name.into()
    }

    /// Starts `host` on a free port.
    pub(crate) fn host(&self, project: &Project) -> Result<Server> {
        let mut command = Command::new(&project.host);
        command.arg("--from").arg(&project.manifest);
        command.arg("--runtime-config-file").arg(&self.runtime_config);
        command.args(["--listen", "127.0.0.1:0"]);
        Server::start(&mut command, &Says::OnStdout)
    }

    /// `backup-job VERB` on these files, still to be given its other arguments.
    pub(crate) fn backup_job(&self, project: &Project, verb: &str) -> Command {
        let mut command = Command::new(&project.backup_job);
        command.arg(verb).arg("--database").arg(&self.database).arg("--backups").arg(&self.backups);
        command
    }

    /// `backup-job backup`, to its end.
    pub(crate) fn back_up(&self, project: &Project) -> Result<Ended> {
        run(self.backup_job(project, "backup").args(["-o", "json"]))
    }

    /// Starts the checkpointer and waits until it holds the database; what it says is of interest only where it fails.
    pub(crate) fn checkpointer(&self, project: &Project) -> Result<Service> {
        let log = self.runtime_config.with_file_name("checkpointer.log");
        let talk = std::fs::File::create(&log).with_context(|| format!("failed to create '{}'", log.display()))?;
        let mut command = Command::new(&project.backup_job);
        command.arg("replicate").arg("--database").arg(&self.database).stdout(Stdio::null()).stderr(talk);
        let mut checkpointer = Service::start(&mut command)?;
        let wal = self.wal();
        checkpointer
            .wait_for("the checkpointer opened the database", || wal.exists())
            .with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        Ok(checkpointer)
    }

    /// Starts the checkpointer and `host`. The database exists.
    pub(crate) fn serve(&self, project: &Project) -> Result<Ours> {
        let checkpointer = self.checkpointer(project)?;
        Ok(Ours { server: self.host(project)?, _checkpointer: checkpointer })
    }
}

/// A JSON string is a TOML string as well.
fn quoted(path: &Path) -> Result<String> {
    Ok(serde_json::to_string(path)?)
}
