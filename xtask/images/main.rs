//! `cargo xtask images`: a program of its own, so that what it needs delays no `cargo xtask up`.
//!
//! ```text
//! contents ── application        which files an image holds, and how it is run
//!    │
//!    ├── tarball ── layer        the files as bytes, the same ones at each run
//!    │
//!    ├── document                configuration and manifest that describe them
//!    │
//!    └── archive                 all of it in one file, for `ctr`, `k3d`, `docker` and `podman`
//!           ├── load
//!           └── push ── credentials
//! ```

mod application;
mod archive;
mod contents;
mod credentials;
mod document;
mod executable;
mod load;
mod options;
mod pack;
mod push;
mod tarball;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::options::{Options, Output};
use crate::pack::Packed;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let packed = pack::all(options)?;
    if let Some(into) = options.load {
        load::load(into, &options.cluster, &packed)?;
    }
    if let Some(registry) = &options.push {
        push::push(registry, options.plain_http, &packed)?;
    }
    print(options.output, &packed)
}

fn print(output: Output, packed: &[Packed]) -> Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string(packed)?),
        Output::Table => {
            for image in packed {
                let mib = image.bytes as f64 / f64::from(1 << 20);
                println!("{:<36} {mib:>6.2} MiB  {}  {}", image.name, image.digest, image.file.display());
            }
        }
    }
    Ok(())
}
