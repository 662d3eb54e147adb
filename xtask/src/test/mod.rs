//! `cargo xtask test`: every check and test of the project, in steps, each of which sets up what it needs.

mod compiled;
mod debian;
mod deny;
mod fuzz;
pub(crate) mod go;
mod hygiene;
pub(crate) mod litestream;
mod monitoring;
mod python;
mod steps;
mod summary;

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::tools;
pub(crate) use hygiene::linked_from_the_book;
use steps::{STEPS, Step};
use summary::{Outcome, Summary};

#[derive(Debug, clap::Args)]
#[command(after_help = format!("Steps: {}\n\nExamples:\n  cargo xtask test\n  cargo xtask test --skip deny --skip fuzz\n  \
    cargo xtask test idempotency", steps::names().join(", ")))]
pub(crate) struct Args {
    /// Run only the tests whose name contains this.
    filter: Option<String>,
    /// Run only this step; may be given several times.
    #[arg(long, value_name = "STEP", value_parser = steps::names())]
    only: Vec<String>,
    /// Leave this step out; may be given several times.
    #[arg(long, value_name = "STEP", value_parser = steps::names())]
    skip: Vec<String>,
}

impl Args {
    fn wants(&self, step: &Step) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == step.name);
        let asked = match (self.only.is_empty(), &self.filter) {
            (false, _) => named(&self.only),
            // A filter is about tests; building is what they need.
            (true, Some(_)) => step.takes_filter || step.name == "build",
            (true, None) => true,
        };
        asked && !named(&self.skip)
    }
}

pub(crate) fn run(args: Args) -> Result<()> {
    tools::for_building()?;
    let mut summary = Summary::default();
    for step in STEPS.iter().filter(|step| args.wants(step)) {
        summary.add(step.name, attempt(step, args.filter.as_deref(), &summary));
    }
    eprint!("\n{summary}");
    if !summary.is_good() {
        bail!("not everything passed");
    }
    Ok(())
}

fn attempt(step: &Step, filter: Option<&str>, before: &Summary) -> Outcome {
    if let Some(needed) = step.needs.iter().find(|name| before.has_failed(name)) {
        return Outcome::NotRun(format!("{needed} failed"));
    }
    eprintln!("\n== {}: {}", step.name, step.about);
    let start = Instant::now();
    match (step.run)(filter) {
        Ok(()) => Outcome::Passed(start.elapsed()),
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Failed(start.elapsed(), format!("{error:#}"))
        }
    }
}

/// Runs a command with its output shown, and fails when it fails.
fn shown(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    anyhow::ensure!(status.success(), "'{}' failed ({status})", words(command));
    Ok(())
}

fn words(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or_default();
    let arguments = command.get_args().take(2).map(std::ffi::OsStr::display);
    std::iter::once(program.display()).chain(arguments).map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
}
