//! The checkpointer beside an application.

use std::process::{Command, ExitStatus};

use crate::data::Data;
use crate::process::Process;
use crate::programs;

/// A running checkpointer: `backup-job replicate` without a replica.
#[derive(Debug)]
pub struct Checkpointer {
    process: Process,
}

impl Checkpointer {
    /// Starts the checkpointer.
    #[must_use]
    #[track_caller]
    pub fn start(data: &Data) -> Self {
        let mut command = Command::new(programs::backup_job());
        command.arg("replicate").arg("--database").arg(data.database());
        Self { process: Process::start(&mut command, &data.log("checkpointer")) }
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
