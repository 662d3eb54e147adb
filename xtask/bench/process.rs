//! Programs that serve, and programs that end. Apart from the tests' processes: here their use of processor and memory is
//! measured, and a failure is an error of the run.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wait4::Wait4;

use crate::usage::{self, Usage};

/// A server that is not there after this long will not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running child that ends with this value.
pub(crate) struct Service {
    child: Child,
}

/// A [`Service`] and where it listens.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _service: Service,
}

impl Service {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("failed to start {command:?}"))?;
        Ok(Self { child })
    }

    /// Waits until `ready`; an error where the child ends first.
    pub(crate) fn wait_for(&mut self, what: &str, ready: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended ({status}) before {what}");
            }
            if Instant::now() > deadline {
                bail!("waited {PATIENCE:?} in vain for {what}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// What it has used since its start.
    pub(crate) fn usage(&self) -> Result<Usage> {
        usage::of(self.child.id())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A failure here cannot be reported any more; the child has not been waited for, so the id is still its own.
        let id = i32::try_from(self.child.id()).map(Pid::from_raw);
        if id.is_ok_and(|id| kill(id, Signal::SIGTERM).is_ok()) {
            drop(self.child.wait());
        }
    }
}

/// Which of a server's streams says where it listens.
pub(crate) enum Says {
    OnStdout,
    OnStderr,
}

impl Server {
    /// Starts a server and waits for its line with `http://IP:PORT`.
    pub(crate) fn start(command: &mut Command, says: &Says) -> Result<Self> {
        match says {
            Says::OnStdout => command.stdout(Stdio::piped()),
            Says::OnStderr => command.stderr(Stdio::piped()),
        };
        let mut service = Service::start(command)?;
        let stream: Box<dyn Read + Send> = match says {
            Says::OnStdout => Box::new(service.child.stdout.take().context("no stdout")?),
            Says::OnStderr => Box::new(service.child.stderr.take().context("no stderr")?),
        };
        let lines = listen(stream);
        let mut heard = String::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some(address) = address_in(&line) {
                return Ok(Self { address, _service: service });
            }
            heard.push_str(&line);
            heard.push('\n');
        }
        bail!("{command:?} does not say where it listens, but:\n{heard}")
    }
}

/// Reads to the end whether or not a receiver listens, so that a full pipe never stops the server.
fn listen(stream: Box<dyn Read + Send>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The receiver is gone once the address is known; the reading goes on.
            drop(sender.send(line));
        }
    });
    receiver
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// How a program that ended did.
pub(crate) struct Ended {
    pub(crate) elapsed: Duration,
    /// Processor time, in user space and in the kernel. Other work on the machine moves it less than it moves `elapsed`.
    pub(crate) cpu: Duration,
    /// Never below this program's own peak, some 8 MiB: until the exec the child counts as what it was forked from.
    pub(crate) peak_rss_mib: f64,
    pub(crate) stdout: Vec<u8>,
}

/// Runs a program to its end; anything but success is an error with its stderr.
pub(crate) fn run(command: &mut Command) -> Result<Ended> {
    let begin = Instant::now();
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.with_context(|| format!("failed to start {command:?}"))?;
    let mut stderr = child.stderr.take().context("no stderr")?;
    let talk = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_length| text)
    });
    let mut stdout = Vec::new();
    child.stdout.take().context("no stdout")?.read_to_end(&mut stdout)?;
    let used = child.wait4().with_context(|| format!("failed to wait for {command:?}"))?;
    let elapsed = begin.elapsed();
    if !used.status.success() {
        let Ok(talk) = talk.join() else { bail!("the reader of stderr panicked") };
        bail!("{command:?} failed ({}): {}", used.status, talk?.trim_end());
    }
    let rusage = used.rusage;
    let cpu = rusage.utime + rusage.stime;
    Ok(Ended { elapsed, cpu, peak_rss_mib: rusage.maxrss as f64 / f64::from(1 << 20), stdout })
}

/// Makes what was written to `file` durable, for programs that leave that out.
pub(crate) fn fsync(file: &Path) -> Result<()> {
    let opened = std::fs::File::open(file).with_context(|| format!("failed to open '{}'", file.display()))?;
    opened.sync_all().with_context(|| format!("failed to sync '{}'", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_what_servers_say() {
        let expected = Some("127.0.0.1:8000".parse().unwrap());
        assert_eq!(address_in("Serving http://127.0.0.1:8000"), expected);
        assert_eq!(address_in("[INFO] Listening at: http://127.0.0.1:8000 (42)"), expected);
        assert_eq!(address_in("Booting worker with pid: 43"), None);
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).err().unwrap();
        assert!(error.to_string().ends_with("why"), "{error}");
    }
}
