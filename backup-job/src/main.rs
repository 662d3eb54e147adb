//! `backup-job`: copies, verifies and restores a live SQLite database.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(feature = "crash-points")]
    backup_job::crash::install();
    backup_job::output::logging();
    cli::Cli::parse().run()
}
