//! The steps, in the order in which they fail soonest.

use std::process::Command;

use anyhow::Result;

use super::{deny, fuzz, go, hygiene, litestream, monitoring, shown};
use crate::build::{CRASH_POINTS, TOOLS};
use crate::{build, tools, workspace};

/// One thing that `cargo xtask test` does.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// Steps without which this one cannot tell anything.
    pub(super) needs: &'static [&'static str],
    pub(super) takes_filter: bool,
    pub(super) run: fn(Option<&str>) -> Result<()>,
}

pub(super) const STEPS: &[Step] = &[
    step("fmt", "the code is formatted", &[], fmt),
    step(
        "hygiene",
        "no file is too long or not compiled; no old words; what the documents name exists",
        &[],
        hygiene::check,
    ),
    step("docs", "the documentation can be built as a book", &["hygiene"], docs),
    step("monitoring", "each alarm fires when it should and stops, by promtool", &[], monitoring::check),
    step("build", "the programs, the component, and the program whose file operations can fail", &[], build_all),
    step("clippy", "no lint, native and for the component's target", &[], clippy),
    step("deny", "licences, sources and advisories of the dependencies", &[], deny::check),
    with_filter(step("unit", "each crate's own tests", &["build"], unit)),
    with_filter(step("blackbox", "tests against the running programs", &["build"], blackbox)),
    step("litestream", "stock Litestream restores the files that we write", &[], litestream::check),
    step("fuzz", "the API against its own description, with schemathesis", &["build"], fuzz::check),
];

pub(super) fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

const fn step(
    name: &'static str,
    about: &'static str,
    needs: &'static [&'static str],
    run: fn(Option<&str>) -> Result<()>,
) -> Step {
    Step { name, about, needs, takes_filter: false, run }
}

const fn with_filter(step: Step) -> Step {
    Step { takes_filter: true, ..step }
}

fn docs(_filter: Option<&str>) -> Result<()> {
    crate::docs::run(crate::docs::Args {})
}

fn fmt(_filter: Option<&str>) -> Result<()> {
    tools::rust_components()?;
    shown(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy(_filter: Option<&str>) -> Result<()> {
    tools::rust_components()?;
    let warnings = ["--", "--deny", "warnings"];
    let all = ["clippy", "--quiet", "--release", "--workspace", "--all-targets"];
    let features = [CRASH_POINTS, TOOLS, "mini-pra-tests/cluster"];
    shown(workspace::cargo().args(all).args(["--features", &features.join(",")]).args(warnings))?;
    let component = ["clippy", "--quiet", "--release", "--package", "events", "--target", tools::WASM];
    shown(workspace::cargo().args(component).args(warnings))
}

/// `backup-job` twice: with its file operations able to kill it, under another name, and as it is.
fn build_all(_filter: Option<&str>) -> Result<()> {
    build::with_crash_points()?;
    build::programs()
}

fn unit(filter: Option<&str>) -> Result<()> {
    // What is off by default has tests of its own.
    cargo_test(build::selected("test").args(["--features", CRASH_POINTS]), filter)
}

fn blackbox(filter: Option<&str>) -> Result<()> {
    // An oracle for what is in a database, independent of the code under test.
    tools::from_system("sqlite3", "sqlite3")?;
    // And one for what is on the disk.
    tools::from_system("strace", "strace")?;
    // A real browser for the dashboard.
    tools::from_system("chromium", "chromium")?;
    tools::from_system("chromedriver", "chromium-driver")?;
    cargo_test(workspace::cargo().args(["test", "--release", "--package", "mini-pra-tests"]), filter)
}

/// Runs `cargo`, a `cargo test`, with the programs that tests need: ours, and some that are not.
fn cargo_test(cargo: &mut Command, filter: Option<&str>) -> Result<()> {
    cargo.args(["--quiet", "--no-fail-fast"]).args(filter);
    cargo.env("PRA_BIN_DIR", workspace::bin_dir());
    cargo.env("PRA_MINIO", go::MINIO.path()?).env("PRA_AGE", go::AGE.path()?);
    cargo.env("LITESTREAM", litestream::program()?).env("PRA_PROMETHEUS", monitoring::prometheus()?);
    cargo.env("PRA_KUSTOMIZE", go::KUSTOMIZE.path()?).env("PRA_PROMTOOL", monitoring::promtool()?);
    shown(cargo)
}
