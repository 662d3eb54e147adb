//! `cargo xtask up`: the application, the checkpointer beside it and a backup every minute, on this machine.
//!
//! ```text
//! xtask ─┬─ host (or spin up)      serves the component           ended first
//!        ├─ backup-job replicate   the checkpointer: bounds the WAL     ended last
//!        └─ backup-job backup      every minute, one line each
//! ```
//! Where host or checkpointer ends by itself, everything ends, with an error: a newcomer must not go on without backups
//! or with a WAL that grows. Where a store refuses the replicator (`PRA_REPLICA`), the application goes on without it,
//! and a line says so.

mod application;
mod backup;
mod checkpointer;
mod folder;
mod server;
mod session;
mod words;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::{build, tools};

use folder::Folder;

pub(crate) use application::Application;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask up --port 8080 --every 10s")]
pub(crate) struct Args {
    /// The folder that holds the database (data/app.db) and the backups (backup/).
    #[arg(long, value_name = "DIR", default_value = "var")]
    data: PathBuf,
    /// The port to listen on at 127.0.0.1; 0 for any that is free.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// How often to make a backup.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    every: Duration,
    /// Run the application under the `spin` on the PATH instead of `host`.
    #[arg(long)]
    spin: bool,
    /// Run what was built before.
    #[arg(long)]
    no_build: bool,
}

fn interval(text: &str) -> Result<Duration> {
    let interval = humantime::parse_duration(text)?;
    anyhow::ensure!(interval >= Duration::from_secs(1), "must be at least 1s");
    Ok(interval)
}

pub(crate) fn run(args: Args) -> Result<()> {
    let Args { data, port, every, spin, no_build } = args;
    // What can be refused is refused before minutes are spent on building.
    port_is_free(port)?;
    let program = server::program(spin)?;
    let folder = Folder::open(&data)?;
    if !no_build {
        tools::for_building()?;
        build::programs()?;
    }
    session::run(folder, &program, port, every)
}

fn port_is_free(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = TcpListener::bind(address);
    drop(
        bound.with_context(|| {
            format!("failed to listen on {address} (another port: --port N, any free one: --port 0)")
        })?,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_number_with_a_unit_of_at_least_a_second() {
        assert_eq!(interval("1m 30s").unwrap(), Duration::from_secs(90));
        assert!(interval("10ms").is_err());
        assert!(interval("60").is_err());
    }

    #[test]
    fn a_taken_port_is_refused_with_its_number() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = format!("{:#}", port_is_free(port).unwrap_err());
        assert!(error.contains(&port.to_string()) && error.contains("--port"), "{error}");
    }
}
