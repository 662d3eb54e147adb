//! The checkpointer beside the application, which is the replicator too where `PRA_REPLICA` names stores.

use std::process::{ExitStatus, Stdio};

use anyhow::{Result, bail};

use super::folder::Folder;
use super::words;
use crate::process::Service;
use crate::workspace;

const REPLICA: &str = "PRA_REPLICA";

/// `backup-job replicate`, running.
#[derive(Debug)]
pub(super) struct Checkpointer {
    pub(super) service: Service,
    /// Whether it follows the database into stores: then these may refuse it.
    replicates: bool,
}

impl Checkpointer {
    pub(super) fn start(folder: &Folder) -> Result<Self> {
        let replicates = std::env::var_os(REPLICA).is_some_and(|urls| !urls.is_empty());
        Ok(Self { service: start(folder, replicates)?, replicates })
    }

    /// A replicator that a store refuses is replaced by a checkpointer without stores, so that the application goes on and its log
    /// stays small; the line says so. What ends in another way is an error.
    pub(super) fn check(&mut self, folder: &Folder) -> Result<Option<String>> {
        let Some(status) = self.service.ended()? else { return Ok(None) };
        // A signal is no refusal.
        if !self.replicates || status.code().is_none_or(|code| code == 0) {
            bail!("{} ended unexpectedly ({status})", self.service.name());
        }
        *self = Self { service: start(folder, false)?, replicates: false };
        Ok(Some(refused(status, &words::job("replicate", folder))))
    }
}

fn refused(status: ExitStatus, typed: &str) -> String {
    format!(
        "the replicator was refused ({status}), its error stands above: nothing is replicated. The application and its \
         backups go on.\nFlags named there are those of `{typed}`; as variables they are also heard here, such as \
         PRA_TAKEOVER=true cargo xtask up"
    )
}

fn start(folder: &Folder, replicates: bool) -> Result<Service> {
    Service::start("the checkpointer", &workspace::bin("backup-job"), |command| {
        command.arg("replicate").arg("--database").arg(folder.database()).arg("--backups").arg(folder.backups());
        command.current_dir(workspace::root()).stdin(Stdio::null()).stdout(Stdio::null());
        if !replicates {
            command.env_remove(REPLICA);
        }
        if std::env::var_os("PRA_LOG").is_none() {
            // The terminal is for the backups' lines.
            command.env("PRA_LOG", "warn");
        }
    })
}
