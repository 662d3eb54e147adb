//! `cargo xtask bench`: measures the project beside its peers and beside the physical limit.
//!
//! The benchmark is a program of its own, in `xtask/bench`. Here it is built, with what it measures, and run.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::test::{go, litestream};
use crate::{build, workspace};

/// What `cargo xtask bench` can be told.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What to measure and how; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    arguments: Vec<OsString>,
}

/// Runs the benchmarks.
///
/// # Errors
/// Where something cannot be built or measured. A bad figure is not an error.
pub(crate) fn run(Args { arguments }: Args) -> Result<()> {
    if !build::asks_for_help(&arguments) {
        build::programs()?;
    }
    build::tool("bench")?;
    let mut command = Command::new(workspace::bin("bench"));
    // Without them rows are missing, or their peer is.
    match litestream::program() {
        Ok(program) => drop(command.env("PRA_LITESTREAM", program)),
        Err(error) => eprintln!("litestream is no peer: {error:#}"),
    }
    match go::MINIO.path() {
        Ok(program) => drop(command.env("PRA_MINIO", program)),
        Err(error) => eprintln!("nothing is measured with S3: {error:#}"),
    }
    let status = command
        .arg("--cache")
        .arg(workspace::cache_dir())
        .args(arguments)
        .status()
        .context("failed to run the benchmark")?;
    ensure!(status.success(), "the benchmark failed ({status})");
    Ok(())
}
