//! `cargo xtask bench`: a program of its own, so that what it needs delays no `cargo xtask up`.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures by the real clock")]

mod bare;
mod copies;
mod flask;
mod http;
mod load;
mod machine;
mod measure;
mod memory;
mod minio;
mod options;
mod ours;
mod plain;
mod process;
mod project;
mod report;
mod rows;
mod seed;
mod static_server;
mod table;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = options::Options::parse();
    let result = if options.serve_static { static_server::serve() } else { rows::run(&options) };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
