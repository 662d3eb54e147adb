//! Programs that are built from their Go modules, so that they need nothing but the kernel: they also go into images.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{tools, workspace};

/// A program as a Go module has it.
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

/// An S3 server that honours conditions. Its releases are no versions of the module.
pub(crate) const MINIO: Program =
    Program { name: "minio", package: "github.com/minio/minio", version: "v0.0.0-20260212201848-7aac2a2c5b7c" };

/// What opens encrypted files, and is not ours.
pub(crate) const AGE: Program = Program { name: "age", package: "filippo.io/age/cmd/age", version: "v1.3.2" };

/// What `kubectl apply -k` does to manifests, in the version that kubectl 1.34 holds.
pub(crate) const KUSTOMIZE: Program =
    Program { name: "kustomize", package: "sigs.k8s.io/kustomize/kustomize/v5", version: "v5.7.1" };

impl Program {
    /// Its path; it is built first where it is not there yet.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let Self { name, package, version } = self;
        let folder = workspace::cache_dir().join("go").join(format!("{name}-{version}-static"));
        let path = folder.join(name);
        if !path.is_file() {
            let go = tools::from_system("go", "golang-go")?;
            eprintln!("building {name} into '{}', which may take minutes", folder.display());
            let mut install = std::process::Command::new(go);
            install.args(["install", "-trimpath", "-ldflags=-s -w"]).arg(format!("{package}@{version}"));
            install.env("GOBIN", &folder).env("CGO_ENABLED", "0");
            tools::run(&mut install).with_context(|| format!("failed to build {name} {version} from its Go module"))?;
        }
        Ok(path)
    }
}
