//! Runs this project's `spin.toml` on Wasmtime, as Spin 3.6 would, where there is no `spin`.
//!
//! ```text
//! cli ── start ── manifest, runtime_config, variables      what to run: text in, mistakes or values out
//!          │
//!          ├── engine ── app                               compiled, linked, folders made
//!          │
//!          └── server ── router ── handler ── state        one connection, one request, one instance
//!                │                   │         ├── sqlite       fermyon:spin/sqlite
//!                │                   │         └── outbound     wasi:http, only where it is allowed
//!                │                   ├── upload       the body, before there is an instance
//!                │                   └── budget       memory that all share
//!                └── lanes ── connections             the threads; how many connections are open
//! ```

mod app;
mod bindings;
mod body;
mod budget;
mod cli;
mod connections;
mod engine;
mod handler;
mod lanes;
mod limits;
mod log;
mod manifest;
mod outbound;
mod route;
mod router;
mod runtime_config;
mod server;
mod shutdown;
mod sqlite;
mod start;
mod state;
mod toml_reader;
mod upload;
mod variables;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    log::start();
    match start::run(&cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host: {error:#}");
            // 2 is for mistakes in the command line, which clap reports itself, and in the configuration.
            ExitCode::from(if error.is::<toml_reader::Problems>() { 2 } else { 1 })
        }
    }
}
