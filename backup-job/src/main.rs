//! `backup-job`: copies, verifies and restores a live SQLite database.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(feature = "crash-points")]
    {
        if let Some(code) = backup_job::crash::sabotage::asked_for(std::env::args_os()) {
            return code;
        }
        backup_job::crash::install();
    }
    let _logging = backup_job::logging::start();
    cli::Cli::parse().run()
}
