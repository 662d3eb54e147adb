//! The test double of containerd-shim-spin (`tests/cluster/shim`), for a cluster without the real one.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{build, tools, workspace};

/// Builds it into `folder`, beside the static `host` that it runs. containerd must have this folder in its PATH.
///
/// # Errors
/// Where Go is missing, or something cannot be built or written.
pub(super) fn install(folder: &Path) -> Result<()> {
    let go = tools::from_system("go", "golang-go")?;
    let folder = std::path::absolute(folder).with_context(|| format!("failed to resolve '{}'", folder.display()))?;
    fs::create_dir_all(&folder).with_context(|| format!("failed to make the folder '{}'", folder.display()))?;
    // A program that runs cannot be written to. Renamed over, it runs on.
    let new = folder.join("new");
    let mut command = Command::new(go);
    command.current_dir(workspace::root().join("tests/cluster/shim")).env("CGO_ENABLED", "0");
    tools::run(command.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&new))
        .context("failed to build the test double of the Spin shim")?;
    put(&new, &folder.join("containerd-shim-spin-v2"))?;
    let host = build::for_images(false)?.join("host");
    fs::copy(&host, &new).with_context(|| format!("failed to copy '{}'", host.display()))?;
    put(&new, &folder.join("host"))
}

fn put(new: &Path, path: &Path) -> Result<()> {
    fs::rename(new, path).with_context(|| format!("failed to write '{}'", path.display()))
}
