//! Starts the real binary on an application in a folder of its own, and talks to it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses its part"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything in these tests may take before it counts as hung.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The event component: beside the host's own binary, or where `EVENTS_WASM` says.
pub fn events_wasm() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_host")).with_file_name("../wasm32-wasip2/release/events.wasm");
    let path = std::env::var_os("EVENTS_WASM").map_or_else(beside, PathBuf::from);
    assert!(
        path.is_file(),
        "'{}' is missing: cargo build --release --package events --target wasm32-wasip2",
        path.display()
    );
    path
}

/// An application in a temporary folder: `spin.toml`, `runtime-config.toml`, `app.wasm`.
pub struct Application {
    pub folder: TempDir,
}

impl Application {
    /// The event component, both labels configured, the schema made by itself.
    pub fn events() -> Self {
        let application = Self::new(
            "sqlite_databases = [\"default\", \"backups\"]\n[component.app.variables]\nauto_init = \"true\"\napi_token = \"\"\n",
            "[sqlite_database.default]\ntype = \"spin\"\npath = \"data/app.db\"\n\
             [sqlite_database.backups]\ntype = \"spin\"\npath = \"backup/catalog.db\"\n",
        );
        std::os::unix::fs::symlink(events_wasm(), application.path("app.wasm")).unwrap();
        application
    }

    /// A component that does one thing and never answers: `tests/guests/NAME.wasm`, made from the text beside it by
    /// `wasm-tools parse`. Not made here, since the library that does it would have Wasmtime built a second time,
    /// with other features, for the tests alone.
    pub fn guest(name: &str) -> Self {
        let application = Self::new("", "");
        let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name).with_extension("wasm");
        std::os::unix::fs::symlink(guest, application.path("app.wasm")).unwrap();
        application
    }

    /// An application without its component; `declarations` go to the component's table.
    pub fn new(declarations: &str, runtime_config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"app\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"app\"\n\
             [component.app]\nsource = \"app.wasm\"\n{declarations}"
        );
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("runtime-config.toml"), runtime_config).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The host's command line for this application, on a free port and with a cache of its own.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        command
            .current_dir(&self.folder)
            .args(["--runtime-config-file", "runtime-config.toml", "--listen", "127.0.0.1:0", "--cache-dir", "cache"])
            .env_remove("HOST_PANIC_ON_INVALID_UTF8");
        command
    }

    /// Runs the host where it is expected to refuse to start.
    pub fn refused(&self, arguments: &[&str]) -> Output {
        let output = self.command().args(arguments).output().unwrap();
        assert!(!output.status.success(), "the host started, but should have refused");
        output
    }

    pub fn start(&self, arguments: &[&str]) -> Host {
        let log = std::fs::File::create(self.path("log")).unwrap();
        let mut child = self.command().args(arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Serving http://").map(str::to_owned);
        let log = self.path("log");
        let address = address.unwrap_or_else(|| panic!("not serving: {}", std::fs::read_to_string(&log).unwrap()));
        Host { child, address, log }
    }
}

/// A running host; killed when dropped.
pub struct Host {
    child: Child,
    address: String,
    log: PathBuf,
}

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Host {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    pub fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_answer(stream)
    }

    /// What the host has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log holds `words`.
    pub fn wait_for_log(&self, words: &str) {
        wait_until(&format!("the log says {words:?}"), || self.log().contains(words));
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn refuses_connections(&self) -> bool {
        TcpStream::connect(&self.address).is_err()
    }

    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the host ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads until the server closes the connection.
pub fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer, but {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { dechunk(body) } else { body.to_owned() };
    Answer { status, head: head.to_ascii_lowercase(), body }
}

fn dechunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&tail[..size]);
        rest = &tail[size + 2..];
    }
    panic!("the answer ends before its last chunk");
}

/// Polls until the condition holds; fails after [`DEADLINE`].
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
