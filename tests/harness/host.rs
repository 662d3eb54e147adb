//! `host`, serving the component on a data folder.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::client::Client;
use crate::data::Data;
use crate::process::Process;
use crate::programs;

/// How `host` is to be started.
#[derive(Debug)]
pub struct HostOptions {
    command: Command,
    port: u16,
}

impl HostOptions {
    /// Sets a variable of the application, as Spin does from its environment.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Self {
        let name = format!("SPIN_VARIABLE_{}", name.to_uppercase());
        self.env(&name, value)
    }

    /// Sets a variable of the process's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// Listens on this port instead of any free one: for a server that comes back where it was.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts it and waits until it serves.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    #[track_caller]
    pub fn start(mut self, data: &Data) -> Host {
        // Missing here rather than in the middle of host's own message.
        drop(programs::component());
        self.command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        self.command.arg("--runtime-config-file").arg(data.runtime_config());
        let mut process = Process::start(&mut self.command, &data.log("host"));
        let url = process.line("Serving ");
        Host { process, client: Client::new(&url) }
    }
}

/// A running `host`.
#[derive(Debug)]
pub struct Host {
    process: Process,
    client: Client,
}

impl Host {
    /// Starts `host` on a free port and waits until it serves.
    #[must_use]
    #[track_caller]
    pub fn start(data: &Data) -> Self {
        Self::options().start(data)
    }

    /// To start it with other settings.
    #[must_use]
    pub fn options() -> HostOptions {
        Self::options_of(Command::new(programs::host()))
    }

    /// To start it with its system calls `calls` written to the file `trace`, by `strace`.
    #[must_use]
    pub fn traced(calls: &str, trace: &Path) -> HostOptions {
        Self::traced_with(&["-e", &format!("trace={calls}")], trace)
    }

    /// As [`Self::traced`], with these arguments of `strace`.
    #[must_use]
    pub fn traced_with(arguments: &[&str], trace: &Path) -> HostOptions {
        let mut command = Command::new("strace");
        // -D: the process is host itself, so that it can be ended as ever.
        command.args(["-D", "-f", "-y", "-s", "4096"]).args(arguments).arg("-o").arg(trace);
        command.arg(programs::host());
        Self::options_of(command)
    }

    fn options_of(mut command: Command) -> HostOptions {
        command.arg("--from").arg(programs::root().join("spin.toml")).current_dir(programs::root());
        // The tests do not use the settings of the person who runs them.
        for name in ["SPIN_VARIABLE_API_TOKEN", "SPIN_VARIABLE_AUTO_INIT", "SPIN_HTTP_LISTEN_ADDR"] {
            command.env_remove(name);
        }
        HostOptions { command, port: 0 }
    }

    /// A client of it.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.client.url()
    }

    /// The port that it listens on.
    ///
    /// # Panics
    /// Never with a URL that `host` has printed.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL has no port")
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Asks it to end and waits.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        self.process.stop()
    }

    /// Kills it and waits: what `kill -9` or the kernel's out-of-memory killer does.
    #[track_caller]
    pub fn kill(mut self) -> ExitStatus {
        self.process.kill()
    }
}
