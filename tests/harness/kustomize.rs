//! Manifests as kustomize renders them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The objects that kustomize makes of a folder. `cargo xtask test` builds the program and names it: `PRA_KUSTOMIZE`.
///
/// # Panics
/// Where it is not named, or fails.
#[must_use]
#[track_caller]
pub fn kustomized(folder: &Path) -> Vec<Value> {
    let program = std::env::var_os("PRA_KUSTOMIZE").expect("PRA_KUSTOMIZE must name kustomize: use `cargo xtask test`");
    let output = Command::new(program).arg("build").arg(folder).output().expect("failed to run kustomize");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kustomize build '{}': {errors}", folder.display());
    let text = String::from_utf8(output.stdout).expect("kustomize printed invalid UTF-8");
    serde_saphyr::from_multiple(&text).expect("kustomize printed invalid YAML")
}
