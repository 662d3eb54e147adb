//! Where things are in the repository, and how cargo is called on it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The one target directory. Fixed, since spin.toml names the component by a path below it.
pub(crate) fn target_dir() -> PathBuf {
    root().join("target")
}

/// The folder of the native binaries.
pub(crate) fn bin_dir() -> PathBuf {
    target_dir().join("release")
}

/// The path of the native binary `name`.
pub(crate) fn bin(name: &str) -> PathBuf {
    bin_dir().join(name)
}

/// Tools that are installed for this project only, kept outside the repository so that a clean clone
/// finds them again: `mini-pra` below the user's cache folder.
pub(crate) fn cache_dir() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    cache.or_else(home).unwrap_or_else(target_dir).join("mini-pra")
}

/// `cargo`, the one that runs us, to be called in the repository's root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).env("CARGO_TARGET_DIR", target_dir());
    cargo
}

/// Where on the `PATH` the program `name` is.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `path` as it is shortest to type: relative where it lies below the current folder.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let current = env::current_dir().unwrap_or_default();
    match path.strip_prefix(&current) {
        Ok(relative) if !relative.as_os_str().is_empty() => relative.to_path_buf(),
        _ => path.to_path_buf(),
    }
}
