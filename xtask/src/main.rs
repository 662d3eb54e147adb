//! Runs, tests, measures and packs the project. `cargo xtask --help` lists what there is.

mod bench;
mod build;
mod cli;
mod docs;
mod e2e;
mod http;
mod images;
mod leash;
mod process;
mod test;
mod tools;
mod up;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Up(args) => up::run(args),
        Command::Test(args) => test::run(args),
        Command::Bench(args) => bench::run(args),
        Command::E2e(args) => e2e::run(args),
        Command::Images(args) => images::run(args),
        Command::Docs(args) => docs::run(args),
        Command::Leash(args) => leash::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
