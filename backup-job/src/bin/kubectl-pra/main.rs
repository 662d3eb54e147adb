//! `kubectl pra`: backups, restores and drills of an application in a cluster, and its protection.

mod backup;
mod cli;
mod cluster_loss;
mod drill;
mod follow;
mod list;
mod protect;
mod restore;
mod status;
mod unprotect;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let _logging = backup_job::logging::start();
    cli::Cli::parse().run()
}
