//! The application as it runs here: a database that exists, the keeper, the server.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::backup;
use super::folder::Folder;
use super::server::{self, Program, Server};
use crate::process::Service;
use crate::workspace;

/// How long a child may take to end after it was asked.
const FAREWELL: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Application {
    folder: Folder,
    // Fields are dropped in this order: requests end first, then what keeps their WAL small.
    server: Server,
    keeper: Service,
}

impl Application {
    /// Starts the application in `folder` under `host`, on a free port.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::launch(Folder::open(folder)?, &server::program(false)?, 0, &AtomicBool::new(false))
    }

    /// Starts the application; gives up early when `cancelled` becomes true.
    pub(super) fn launch(folder: Folder, program: &Program, port: u16, cancelled: &AtomicBool) -> Result<Self> {
        init(&folder)?;
        let mut keeper = start_keeper(&folder)?;
        let give_up = || cancelled.load(Ordering::SeqCst);
        match Server::start(program, &folder.runtime_config(), port, &give_up) {
            Ok(server) => Ok(Self { folder, server, keeper }),
            Err(error) => end(&mut keeper).and(Err(error)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// An error that says which vital child has ended, if one has.
    pub(super) fn check(&mut self) -> Result<()> {
        for service in [&mut self.server.service, &mut self.keeper] {
            if let Some(status) = service.ended()? {
                bail!("{} ended unexpectedly ({status})", service.name());
            }
        }
        Ok(())
    }

    /// Ends the server, then the keeper, the latter whatever became of the former.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let server = end(&mut self.server.service);
        server.and(end(&mut self.keeper))
    }
}

/// Makes the database exist: restored from the newest backup, or new.
fn init(folder: &Folder) -> Result<()> {
    let output = backup::job("init", folder).output().context("failed to run backup-job")?;
    let talk = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "failed to make the database: {}", talk.trim());
    Ok(())
}

fn start_keeper(folder: &Folder) -> Result<Service> {
    Service::start("the keeper", &workspace::bin("backup-job"), |command| {
        command.arg("replicate").arg("--database").arg(folder.database()).arg("--backups").arg(folder.backups());
        command.current_dir(workspace::root()).stdin(Stdio::null()).stdout(Stdio::null());
        if std::env::var_os("PRA_LOG").is_none() {
            // The terminal is for the backups' lines.
            command.env("PRA_LOG", "warn");
        }
    })
}

fn end(service: &mut Service) -> Result<()> {
    if !service.stop(FAREWELL)? {
        bail!("{} did not end within {} s and was killed", service.name(), FAREWELL.as_secs());
    }
    Ok(())
}
