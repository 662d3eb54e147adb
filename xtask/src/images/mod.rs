//! `cargo xtask images`: writes the container images, without a container engine.
//!
//! Packing is a program of its own, in `xtask/images`. Here it is built, with what goes into the images, and run.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::test::go;
use crate::{build, workspace};

/// What `cargo xtask images` can be told.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Which images and where to; `--help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    arguments: Vec<OsString>,
}

impl Args {
    /// The same from other code.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(OsString::from).collect() }
    }
}

/// Builds, packs, and imports or pushes where that is asked for.
///
/// # Errors
/// Where something cannot be built, packed, imported or pushed.
pub(crate) fn run(Args { arguments }: Args) -> Result<()> {
    let crash_points = arguments.iter().any(|argument| argument.to_string_lossy().contains("crash-points"));
    let binaries =
        if build::asks_for_help(&arguments) { workspace::target_dir() } else { build::for_images(crash_points)? };
    if arguments.iter().any(|argument| argument.to_string_lossy().contains("minio")) {
        let (from, to) = (go::MINIO.path()?, binaries.join("minio"));
        std::fs::copy(&from, &to).with_context(|| format!("failed to copy '{}'", from.display()))?;
    }
    build::tool("images")?;
    let status = Command::new(workspace::bin("images"))
        .arg("--binaries")
        .arg(binaries)
        .args(arguments)
        .status()
        .context("failed to run the packer")?;
    ensure!(status.success(), "the images are not done ({status})");
    Ok(())
}
