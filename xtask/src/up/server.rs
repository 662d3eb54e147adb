//! The server of the application: `host`, or `spin up` with the same flags.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::Service;
use crate::{http, workspace};

/// How long the server may take until it listens. Compiling a component for the first time takes a second or two.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program that serves, and what goes before the flags that both share.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    path: PathBuf,
    verb: Option<&'static str>,
}

/// `host` of this repository, or the `spin` on the PATH.
pub(crate) fn program(spin: bool) -> Result<Program> {
    if !spin {
        return Ok(Program { name: "host", path: workspace::bin("host"), verb: None });
    }
    let path = workspace::on_path("spin")
        .context("spin is not on the PATH: see https://spinframework.dev, or leave --spin out")?;
    Ok(Program { name: "spin", path, verb: Some("up") })
}

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server on `port` of 127.0.0.1 and waits until it serves; gives up at once when `cancelled` says so.
    pub(crate) fn start(program: &Program, config: &Path, port: u16, cancelled: &dyn Fn() -> bool) -> Result<Self> {
        let Program { name, path, verb } = program;
        let mut service = Service::start(name, path, |command| {
            command.args(verb).arg("--from").arg(workspace::root().join("spin.toml"));
            command.arg("--runtime-config-file").arg(config);
            command.args(["--listen", &format!("127.0.0.1:{port}")]);
            command.current_dir(workspace::root()).stdin(Stdio::null()).stdout(Stdio::piped());
        })?;
        let stdout = service.child().stdout.take().context("the server has no stdout")?;
        let address = listening(&mut service, &addresses(stdout), cancelled)?;
        let server = Self { service, address };
        server.is_ready()?;
        Ok(server)
    }

    /// Whether the application says that its database can be used.
    fn is_ready(&self) -> Result<()> {
        let answer = http::get(self.address, "/ready", PATIENCE)?;
        anyhow::ensure!(answer.status == 200, "the application is not ready: {}", answer.body.trim());
        Ok(())
    }
}

/// Reads the server's stdout for ever: the address of its `Serving` line, the rest as talk.
fn addresses(stdout: ChildStdout) -> Receiver<SocketAddr> {
    let (found, addresses) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            match serving(&line) {
                // The receiver is gone after the first address, or when we are about to end.
                Some(address) => drop(found.send(address)),
                None => eprintln!("{line}"),
            }
        }
    });
    addresses
}

fn serving(line: &str) -> Option<SocketAddr> {
    let url = line.trim().strip_prefix("Serving http://")?;
    url.trim_end_matches('/').parse().ok()
}

fn listening(
    service: &mut Service,
    addresses: &Receiver<SocketAddr>,
    cancelled: &dyn Fn() -> bool,
) -> Result<SocketAddr> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match addresses.recv_timeout(Duration::from_millis(20)) {
            Ok(address) => return Ok(address),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if let Some(status) = service.ended()? {
            bail!("{} ended before it served ({status})", service.name());
        }
        anyhow::ensure!(!cancelled(), "interrupted");
        anyhow::ensure!(Instant::now() < deadline, "{} does not serve after {} s", service.name(), PATIENCE.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use super::serving;

    #[test]
    fn the_address_is_taken_from_the_serving_line() {
        assert_eq!(serving("Serving http://127.0.0.1:3000").unwrap().port(), 3000);
        assert_eq!(serving("  events: http://127.0.0.1:3000 (wildcard)"), None);
        assert_eq!(serving("Available Routes:"), None);
    }
}
