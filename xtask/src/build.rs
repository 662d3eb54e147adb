//! Builds the programs and the component, with one line of talk each.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::tools::{self, WASM};
use crate::workspace;

/// What is built and tested natively. Always this selection of packages and features, whichever of them is wanted: with
/// another one the features of shared dependencies would be unified differently, and tokio, Wasmtime and all between
/// compiled once more. (The black-box tests are not among them: what they depend on would change the programs.)
const SELECTION: [&str; 5] = ["--workspace", "--exclude", "mini-pra-tests", "--features", TOOLS];

/// The programs of `cargo xtask bench` and `cargo xtask images`.
pub(crate) const TOOLS: &str = "xtask/bench,xtask/images";

/// `cargo VERB` for all of the packages whose programs and tests are native.
pub(crate) fn selected(verb: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args([verb, "--release"]).args(SELECTION);
    cargo
}

/// Builds what runs: the native programs and the component.
pub(crate) fn programs() -> Result<()> {
    let bins = ["--bin", "host", "--bin", "backup-job", "--bin", "kubectl-pra"];
    quietly("host and backup-job", selected("build").args(bins))?;
    component()
}

/// Builds the `backup-job` whose file operations can end it, under another name.
pub(crate) fn with_crash_points() -> Result<()> {
    let what = ["--bin", "backup-job", "--features", CRASH_POINTS];
    quietly("backup-job with crash points", selected("build").args(what))?;
    keep_with_crash_points(&workspace::bin_dir())
}

fn component() -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--package", "events", "--target", WASM]);
    quietly("the component", &mut cargo)
}

/// Builds what goes into the images: the component, and the native programs without a need for anything but the
/// kernel. Returns the folder of the latter. For the tests also the `backup-job` whose steps can end it, under another
/// name.
pub(crate) fn for_images(crash_points: bool) -> Result<PathBuf> {
    let target = tools::for_static_building()?;
    let folder = workspace::target_dir().join(&target).join("release");
    let flags = image_flags()?;
    let build = |more: &[&str]| {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--release", "--package", "host", "--package", "backup-job", "--target", &target]);
        quietly("host and backup-job for the images", cargo.args(more).env("CARGO_ENCODED_RUSTFLAGS", &flags))
    };
    if crash_points {
        build(&["--features", CRASH_POINTS])?;
        keep_with_crash_points(&folder)?;
    }
    build(&[])?;
    component()?;
    Ok(folder)
}

/// Makes every file operation and every step of `backup-job` one at which it can be killed.
pub(crate) const CRASH_POINTS: &str = "backup-job/crash-points";

/// Keeps the `backup-job` that was just built with [`CRASH_POINTS`] beside the one to come.
fn keep_with_crash_points(folder: &Path) -> Result<()> {
    let (from, to) = (folder.join("backup-job"), folder.join("backup-job-crash-points"));
    std::fs::copy(&from, &to).map(drop).with_context(|| format!("failed to copy '{}'", from.display()))
}

/// Symbols stay out (rustc strips while it links, so nothing has to be installed or built twice for that), and so do
/// the names of this machine's folders, so that the programs are the same from any clone.
fn image_flags() -> Result<OsString> {
    let home = std::env::home_dir().context("this user has no home")?;
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = OsString::from("-Cstrip=symbols");
    // The last one that fits counts, and cargo's folder may be in ours.
    for (folder, name) in [(workspace::root(), "/mini-pra"), (cargo_home.as_path(), "/cargo")] {
        // Cargo's separator between two flags.
        flags.push("\x1f--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

/// Builds a program that `cargo xtask` runs.
pub(crate) fn tool(name: &str) -> Result<()> {
    tools::run(selected("build").args(["--quiet", "--bin", name]))
        .with_context(|| format!("failed to build what `cargo xtask {name}` runs"))
}

/// Whether arguments that are passed on ask for nothing but words.
pub(crate) fn asks_for_help(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--help" || argument == "-h")
}

/// Runs cargo and shows no more of it than the crate at work, on a terminal, and what it waits for; all that is not
/// progress, when it fails.
fn quietly(what: &str, cargo: &mut Command) -> Result<()> {
    let start = Instant::now();
    let mut child = cargo.stderr(Stdio::piped()).spawn().context("failed to run cargo")?;
    let stderr = child.stderr.take().context("cargo has no stderr")?;
    let mut talk = Talk::new(what);
    for line in BufReader::new(stderr).lines() {
        talk.hear(&line.context("failed to read what cargo says")?)?;
    }
    let status = child.wait().context("failed to wait for cargo")?;
    talk.end(start)?;
    if !status.success() {
        eprintln!("{}", talk.other.join("\n"));
        bail!("failed to build {what}");
    }
    Ok(())
}

struct Talk<'a> {
    what: &'a str,
    terminal: bool,
    crates: usize,
    other: Vec<String>,
}

impl<'a> Talk<'a> {
    fn new(what: &'a str) -> Self {
        Self { what, terminal: std::io::stderr().is_terminal(), crates: 0, other: Vec::new() }
    }

    fn hear(&mut self, line: &str) -> Result<()> {
        let mut stderr = std::io::stderr().lock();
        if waits(line) {
            // Cargo says it once; without this line a build that waits looks like one that hangs.
            let clear = if self.terminal { "\r\x1b[K" } else { "" };
            writeln!(stderr, "{clear}{}: {}", self.what, line.trim())?;
            return Ok(());
        }
        let Some(name) = compiled_crate(line) else {
            self.other.push(line.to_owned());
            return Ok(());
        };
        self.crates += 1;
        if self.terminal {
            write!(stderr, "\r\x1b[Kbuilding {}: {} ({name})", self.what, self.crates)?;
            stderr.flush()?;
        } else if self.crates == 1 {
            writeln!(stderr, "building {}, which takes minutes the first time", self.what)?;
        }
        Ok(())
    }

    /// The last word; nothing where nothing had to be built.
    fn end(&self, start: Instant) -> Result<()> {
        if self.crates > 0 {
            let clear = if self.terminal { "\r\x1b[K" } else { "" };
            let seconds = start.elapsed().as_secs_f64();
            writeln!(std::io::stderr(), "{clear}built {}: {} crates, {seconds:.1} s", self.what, self.crates)?;
        }
        Ok(())
    }
}

/// Whether cargo's line says that it waits for another cargo.
fn waits(line: &str) -> bool {
    line.trim_start().starts_with("Blocking waiting for file lock")
}

/// The crate that cargo's line `   Compiling NAME vVERSION` begins to build.
fn compiled_crate(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("Compiling ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::{compiled_crate, waits};

    #[test]
    fn cargos_waiting_for_another_cargo_is_shown() {
        assert!(waits("    Blocking waiting for file lock on build directory"));
        assert!(waits("    Blocking waiting for file lock on package cache"));
        assert!(!waits("   Compiling blocking v1.6.2"));
    }

    #[test]
    fn progress_is_told_from_everything_else() {
        assert_eq!(compiled_crate("   Compiling wasmtime v48.0.0"), Some("wasmtime"));
        assert_eq!(compiled_crate("warning: Compiling is slow"), None);
        assert_eq!(compiled_crate("    Finished `release` profile"), None);
    }
}
