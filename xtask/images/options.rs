//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::contents::Image;

/// Writes the container images as OCI archives into target/images, the same bytes from the same sources.
///
/// No container engine is needed. A push takes its credentials from REGISTRY_USERNAME and REGISTRY_PASSWORD, else from
/// Docker's configuration (DOCKER_CONFIG). Times are SOURCE_DATE_EPOCH, else 1970.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask images",
    after_help = "Examples:\n  cargo xtask images --load k3d\n  cargo xtask images --only backup-job --push ghcr.io/me"
)]
pub(crate) struct Options {
    /// Which images; all without this.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<Image>,
    /// Import them into a k3d cluster, or into the containerd of this machine (CONTAINERD_ADDRESS,
    /// CONTAINERD_NAMESPACE, else k8s.io).
    #[arg(long, value_enum, value_name = "INTO")]
    pub(crate) load: Option<Into>,
    /// The cluster of `--load k3d`.
    #[arg(long, default_value = "mini-pra", value_name = "NAME")]
    pub(crate) cluster: String,
    /// Push them, as REGISTRY/mini-pra/NAME:VERSION; REGISTRY may have a path.
    #[arg(long, value_name = "REGISTRY")]
    pub(crate) push: Option<String>,
    /// Push without TLS; a registry on localhost is spoken to so in any case.
    #[arg(long, requires = "push")]
    pub(crate) plain_http: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// The statically linked programs.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) binaries: PathBuf,
    /// Where to write [default: target/images].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// What images are imported into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Into {
    /// The nodes of a k3d cluster.
    K3d,
    /// A containerd, by `ctr`.
    Ctr,
}

/// How the outcome is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Options as clap::CommandFactory>::command().debug_assert();
    }
}
