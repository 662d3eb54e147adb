//! `kubectl pra`, a plugin of kubectl.

use std::process::ExitCode;

fn main() -> ExitCode {
    backup_job::plugin::main()
}
