//! The keeper beside an application.

use std::process::{Command, ExitStatus};

use crate::data::Data;
use crate::process::Process;
use crate::programs;

/// A running keeper: `backup-job replicate` without a replica.
#[derive(Debug)]
pub struct Keeper {
    process: Process,
}

impl Keeper {
    /// Starts the keeper.
    #[must_use]
    #[track_caller]
    pub fn start(data: &Data) -> Self {
        let mut command = Command::new(programs::backup_job());
        command.arg("replicate").arg("--database").arg(data.database());
        Self { process: Process::start(&mut command, &data.log("keeper")) }
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Asks it to end and waits.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.process.stop()
    }
}
