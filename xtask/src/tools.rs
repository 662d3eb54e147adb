//! What must be on the machine: checked, installed where that is ours to do, named clearly where it is not.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// The target of the component.
pub(crate) const WASM: &str = "wasm32-wasip2";

/// Makes sure that the native programs and the component can be built.
pub(crate) fn for_building() -> Result<()> {
    c_compiler()?;
    rust_target(WASM)
}

/// Makes sure that programs can be built that need nothing but the kernel, and returns the target for that.
pub(crate) fn for_static_building() -> Result<String> {
    for_building()?;
    anyhow::ensure!(cfg!(target_os = "linux"), "images can be made on Linux only");
    from_system("musl-gcc", "musl-tools")?;
    let target = format!("{}-unknown-linux-musl", env::consts::ARCH);
    rust_target(&target)?;
    Ok(target)
}

/// SQLite is C, and rustc links with the C compiler.
fn c_compiler() -> Result<()> {
    let named = env::var_os("CC").is_some();
    if named || ["cc", "gcc", "clang"].iter().any(|name| workspace::on_path(name).is_some()) {
        return Ok(());
    }
    bail!(
        "a C compiler is missing (SQLite is built from C)\n  \
         Debian, Ubuntu:  sudo apt-get install build-essential\n  \
         Fedora:          sudo dnf install gcc\n  \
         Alpine:          sudo apk add build-base\n  \
         macOS:           xcode-select --install"
    )
}

fn rust_target(target: &str) -> Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    eprintln!("installing the Rust target {target}");
    rustup(&["target", "add", target])
        .with_context(|| format!("the Rust target {target} is missing and could not be installed"))
}

/// Asks rustc and not rustup: it is faster, and right where Rust did not come from rustup.
fn has_target(target: &str) -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(workspace::root())
        .output()
        .context("failed to run rustc")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && PathBuf::from(folder.trim()).is_dir())
}

/// Makes sure that `cargo fmt` and `cargo clippy` are there.
pub(crate) fn rust_components() -> Result<()> {
    for (name, program) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let mut cargo = workspace::cargo();
        cargo.args([program, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        if !cargo.status().context("failed to run cargo")?.success() {
            eprintln!("installing the Rust component {name}");
            rustup(&["component", "add", name])
                .with_context(|| format!("the Rust component {name} is missing and could not be installed"))?;
        }
    }
    Ok(())
}

fn rustup(arguments: &[&str]) -> Result<()> {
    anyhow::ensure!(workspace::on_path("rustup").is_some(), "rustup is missing: install it from https://rustup.rs");
    run(Command::new("rustup").args(arguments).current_dir(workspace::root()))
}

/// Makes sure that `program` is on the PATH; where we are root on a Debian system its `package` is installed.
pub(crate) fn from_system(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = workspace::on_path(program) {
        return Ok(path);
    }
    apt_install(package).with_context(|| format!("{program} is missing"))?;
    workspace::on_path(program).with_context(|| format!("'{package}' is installed but {program} is not on the PATH"))
}

/// Installs a Debian package.
///
/// # Errors
/// Where this is no Debian system or we are not root: what the user has to do.
pub(crate) fn apt_install(package: &str) -> Result<()> {
    let may = nix::unistd::geteuid().is_root() && workspace::on_path("apt-get").is_some();
    anyhow::ensure!(
        may,
        "install it with your system's package manager (Debian, Ubuntu: sudo apt-get install {package})"
    );
    eprintln!("installing the package {package}");
    let apt =
        |arguments: &[&str]| run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments));
    apt(&["install", "--yes", "--quiet", package]).or_else(|_stale_list| {
        apt(&["update", "--quiet"])?;
        apt(&["install", "--yes", "--quiet", package])
    })
}

/// The path of `program`, which cargo builds into the cache first where it is neither there nor on the PATH. `wanted` is the
/// crate, with its version where that matters, and the features.
///
/// # Errors
/// Where it cannot be built.
pub(crate) fn from_crates(program: &str, wanted: &[&str]) -> Result<PathBuf> {
    if let Some(path) = workspace::on_path(program) {
        return Ok(path);
    }
    // One folder per version: what an older checkout needs stays as it is.
    let root = workspace::cache_dir().join(wanted.first().unwrap_or(&program));
    let path = root.join("bin").join(program);
    if !path.is_file() {
        eprintln!("installing {program} into '{}', which takes minutes", root.display());
        let mut cargo = workspace::cargo();
        // Not in our target directory: it would be rebuilt whenever a lock file differs. Unoptimised it is built in half
        // the time, and done as soon.
        cargo.env_remove("CARGO_TARGET_DIR").args(["install", "--quiet", "--locked", "--debug"]);
        cargo.args(wanted).arg("--root").arg(&root);
        run(&mut cargo).with_context(|| format!("{program} is missing and could not be installed"))?;
    }
    Ok(path)
}

/// Runs a command whose stdout is talk; fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("failed to run '{name}'"))?;
    anyhow::ensure!(status.success(), "'{name}' failed ({status})");
    Ok(())
}
