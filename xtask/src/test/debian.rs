//! Programs from Debian's packages, unpacked and not installed: a package of a server would start it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{tools, workspace};

/// The path of `program`: on the PATH, or from the Debian package `package`.
pub(crate) fn program(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = workspace::on_path(program) {
        return Ok(path);
    }
    let folder = workspace::cache_dir().join("debian").join(package);
    let path = folder.join("usr/bin").join(program);
    if !path.is_file() {
        eprintln!("unpacking the package {package} into '{}'", folder.display());
        unpack(package, &folder).with_context(|| {
            format!("{program} is missing (Debian, Ubuntu: sudo apt-get install {package}), and could not be unpacked")
        })?;
    }
    Ok(path)
}

fn unpack(package: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to make the folder '{}'", folder.display()))?;
    let download = || tools::run(Command::new("apt-get").args(["download", "--quiet", package]).current_dir(folder));
    download().or_else(|_stale_list| {
        tools::run(Command::new("apt-get").args(["update", "--quiet"]))?;
        download()
    })?;
    for entry in fs::read_dir(folder).with_context(|| format!("failed to list '{}'", folder.display()))? {
        let file = entry.with_context(|| format!("failed to list '{}'", folder.display()))?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            tools::run(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(folder))?;
            fs::remove_file(&file).with_context(|| format!("failed to remove '{}'", file.display()))?;
        }
    }
    Ok(())
}
