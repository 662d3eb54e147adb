//! `cargo xtask e2e`: the tests on the Kubernetes that `KUBECONFIG` names.

mod shim;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{build, images, tools, workspace};

/// What `cargo xtask e2e` can be told.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask e2e --load k3d\n  \
    cargo xtask e2e --overlay container --load ./load-images.sh restore\n\nEach test has a namespace of its own, which it deletes. `pra` is left alone.")]
pub(crate) struct Args {
    /// Run only the tests whose name contains one of these.
    filters: Vec<String>,
    /// Which of k8s/overlays is tested: `k3d` needs containerd-shim-spin on the nodes or its test double, `container` runs
    /// anywhere [default: what `kubectl apply -k k8s` applies]
    #[arg(long, env = "PRA_E2E_OVERLAY")]
    overlay: Option<String>,
    /// How the images get onto the nodes: `k3d`, `ctr`, or a program that is given the archives; none: they are there
    #[arg(long, value_name = "WAY", env = "PRA_E2E_LOAD")]
    load: Option<String>,
    /// Put a test double of containerd-shim-spin into this folder, which containerd has in its PATH, for `k3d` on a
    /// cluster without the real one
    #[arg(long, value_name = "FOLDER")]
    imitate_shim: Option<PathBuf>,
}

/// What the tests run.
const IMAGES: &str = "events,backup-job,events-host,backup-job-crash-points,minio";

/// Builds, loads the images, runs the tests.
///
/// # Errors
/// Where something is missing, cannot be built, or a test fails.
pub(crate) fn run(args: Args) -> Result<()> {
    let Args { filters, overlay, load, imitate_shim } = args;
    tools::for_building()?;
    cluster_answers()?;
    build::programs()?;
    if let Some(way) = load {
        load_images(&way)?;
    }
    if let Some(folder) = imitate_shim {
        shim::install(&folder)?;
    }
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--quiet", "--release", "--package", "mini-pra-tests", "--features", "cluster"]);
    cargo.args(["--test", "cluster"]);
    // Each installation is some pods: more of them at once would be slower, and not sooner done.
    cargo.args(["--", "--test-threads=3"]).args(filters);
    cargo.env("PRA_BIN_DIR", workspace::bin_dir());
    if let Some(overlay) = overlay {
        cargo.env("PRA_E2E_OVERLAY", overlay);
    }
    let status = cargo.status().context("failed to run cargo")?;
    ensure!(status.success(), "the tests on the cluster failed ({status})");
    Ok(())
}

fn cluster_answers() -> Result<()> {
    ensure!(workspace::on_path("kubectl").is_some(), "kubectl is missing: https://kubernetes.io/docs/tasks/tools/");
    let output = Command::new("kubectl").args(["get", "nodes", "--request-timeout=10s"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "no cluster answers; set KUBECONFIG\n{}", said.trim_end());
    Ok(())
}

fn load_images(way: &str) -> Result<()> {
    if ["k3d", "ctr"].contains(&way) {
        return images::run(images::Args::of(&["--only", IMAGES, "--load", way]));
    }
    images::run(images::Args::of(&["--only", IMAGES]))?;
    let folder = workspace::target_dir().join("images");
    let archives = IMAGES.split(',').map(|name| folder.join(name).with_extension("tar"));
    tools::run(Command::new(way).args(archives)).context("failed to load the images")
}
