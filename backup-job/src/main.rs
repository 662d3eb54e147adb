//! `backup-job`: copies, verifies and restores a live SQLite database.

mod cli;
mod config;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
