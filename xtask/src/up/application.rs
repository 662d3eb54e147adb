//! The application as it runs here: a database that exists, the checkpointer, the server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::backup;
use super::checkpointer::Checkpointer;
use super::folder::Folder;
use super::server::{self, Program, Server};
use super::words;
use crate::process::Service;

/// How long a child may take to end after it was asked.
const FAREWELL: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Application {
    folder: Folder,
    // Fields are dropped in this order: requests end first, then what keeps their WAL small.
    server: Server,
    checkpointer: Checkpointer,
}

impl Application {
    /// Starts the application in `folder` under `host`, on a free port.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::launch(Folder::open(folder)?, &server::program(false)?, 0, &AtomicBool::new(false))
    }

    /// Starts the application; gives up early when `cancelled` becomes true.
    pub(super) fn launch(folder: Folder, program: &Program, port: u16, cancelled: &AtomicBool) -> Result<Self> {
        init(&folder)?;
        let mut checkpointer = Checkpointer::start(&folder)?;
        let give_up = || cancelled.load(Ordering::SeqCst);
        match Server::start(program, &folder.runtime_config(), port, &give_up) {
            Ok(server) => {
                folder.note_server(server.service.id())?;
                Ok(Self { folder, server, checkpointer })
            }
            Err(error) => end(&mut checkpointer.service).and(Err(error)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// An error that says which vital child has ended, if one has. A replicator that was refused is not vital: a checkpointer
    /// without replicas takes its place, and the line to print says so.
    pub(super) fn check(&mut self) -> Result<Option<String>> {
        if let Some(status) = self.server.service.ended()? {
            bail!("{} ended unexpectedly ({status})", self.server.service.name());
        }
        self.checkpointer.check(&self.folder)
    }

    /// Ends the server, then the checkpointer, the latter whatever became of the former.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let server = end(&mut self.server.service).and(self.folder.forget_server());
        server.and(end(&mut self.checkpointer.service))
    }
}

/// Makes the database exist: restored from the newest backup, or new.
fn init(folder: &Folder) -> Result<()> {
    let output =
        backup::job("init", folder).args(["--schema", "events"]).output().context("failed to run backup-job")?;
    let talk = String::from_utf8_lossy(&output.stderr);
    let typed = words::job("init", folder);
    anyhow::ensure!(
        output.status.success(),
        "failed to make the database: {}\n(flags named here are those of `{typed}`, which you can run by hand)",
        talk.trim()
    );
    Ok(())
}

fn end(service: &mut Service) -> Result<()> {
    if !service.stop(FAREWELL)? {
        bail!("{} did not end within {} s and was killed", service.name(), FAREWELL.as_secs());
    }
    Ok(())
}
