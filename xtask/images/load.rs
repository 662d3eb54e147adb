//! Imports archives where containers run.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::options::Into;
use crate::pack::Packed;

/// Imports the images; `cluster` is k3d's.
///
/// # Errors
/// A program that is missing or fails.
pub(crate) fn load(into: Into, cluster: &str, images: &[Packed]) -> Result<()> {
    match into {
        Into::K3d => run(k3d(cluster, images)),
        Into::Ctr => {
            let namespaced = std::env::var_os("CONTAINERD_NAMESPACE").is_some();
            images.iter().try_for_each(|image| run(ctr(namespaced, image)))
        }
    }
}

fn k3d(cluster: &str, images: &[Packed]) -> Command {
    let mut command = Command::new("k3d");
    command.args(["image", "import", "--cluster", cluster]);
    command.args(images.iter().map(|image| &image.file));
    command
}

/// `ctr` itself reads CONTAINERD_ADDRESS and CONTAINERD_NAMESPACE; Kubernetes' namespace is not its default.
fn ctr(namespaced: bool, image: &Packed) -> Command {
    let mut command = Command::new("ctr");
    if !namespaced {
        command.args(["--namespace", "k8s.io"]);
    }
    command.args(["images", "import"]).arg(&image.file);
    command
}

fn run(mut command: Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("failed to run '{name}'"))?;
    ensure!(status.success(), "'{name}' failed to import the images ({status})");
    Ok(())
}
