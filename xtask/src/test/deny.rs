//! `cargo deny`: what the dependencies may be licensed under, come from and be known for.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::shown;
use crate::{tools, workspace};

/// Where the advisories are, which have no other home than their repository.
const ADVISORIES: &str = "github.com:443";

pub(super) fn check(_filter: Option<&str>) -> Result<()> {
    let program = tools::from_crates("cargo-deny", &["cargo-deny"]).context("to do without: --skip deny")?;
    shown(deny(&program).args(["bans", "licenses", "sources"]))?;
    if is_reachable(ADVISORIES) {
        shown(deny(&program).arg("advisories"))
    } else {
        eprintln!("advisories not checked: {ADVISORIES} is out of reach");
        Ok(())
    }
}

fn deny(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    // Duplicates are worth knowing, and `cargo deny check bans` lists them; here they would hide what matters.
    command.args(["--log-level", "error", "check", "--hide-inclusion-graph"]).current_dir(workspace::root());
    command
}

fn is_reachable(address: &str) -> bool {
    let addresses = address.to_socket_addrs().into_iter().flatten();
    addresses.take(2).any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok())
}
