//! `backup-job`: copies, verifies and restores a live SQLite database.

use std::process::ExitCode;

fn main() -> ExitCode {
    backup_job::cli::main()
}
