//! `kubectl pra`: backups, restores and drills of an application in a cluster, and its protection. Flags become
//! options, reports become output.

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
    let _logging = program::logging::start(env!("CARGO_PKG_NAME"));
    match cli::Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => program::usage::refuse(&error),
    }
}
