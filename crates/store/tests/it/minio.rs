//! A MinIO server of the tests' own, shared by those that run at the same time.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use store::objects::{Environment, Retry, StoreOptions};
use tokio::sync::Mutex;

pub(crate) const BUCKET: &str = "replicas";
const USER: &str = "replica-tests";
const PASSWORD: &str = "replica-tests-only";

pub(crate) struct Minio {
    process: Child,
    address: SocketAddr,
    _data: tempfile::TempDir,
}

/// The running server. `PRA_MINIO` names the program; `cargo xtask test` sees to that, and without it these tests
/// fail.
pub(crate) async fn minio() -> Arc<Minio> {
    static SHARED: Mutex<Weak<Minio>> = Mutex::const_new(Weak::new());
    let program = std::env::var_os("PRA_MINIO").map(PathBuf::from);
    let program = program.expect("PRA_MINIO must name a MinIO server: `cargo xtask test` sees to that");
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(Minio::start(&program).await);
    *shared = Arc::downgrade(&started);
    started
}

impl Minio {
    async fn start(program: &std::path::Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join(BUCKET)).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // On a leash: when this process dies, however it does, the pipe closes, and the shell ends the server.
        let script = r#""$0" server --quiet --anonymous --address "$1" --console-address 127.0.0.1:0 "$2" >&2 &
            read -r _; kill $!; wait"#;
        let process = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .arg(address.to_string())
            .arg(data.path())
            .env("MINIO_ROOT_USER", USER)
            .env("MINIO_ROOT_PASSWORD", PASSWORD)
            // It reports to no server, and no scanner runs.
            .env("MINIO_CALLHOME_ENABLE", "off")
            .env("MINIO_SCANNER_SPEED", "slowest")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, address, _data: data };
        server.wait().await;
        server
    }

    async fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let store = store::objects::Store::open(&url("ready"), &self.options()).unwrap();
        while let Err(error) = store.list("").await {
            assert!(Instant::now() < deadline, "MinIO does not come up: {}", error.chain());
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn options(&self) -> StoreOptions {
        options(self.address)
    }
}

impl Drop for Minio {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

pub(crate) fn url(prefix: &str) -> store::ReplicaUrl {
    format!("s3://{BUCKET}/{prefix}").parse().unwrap()
}

/// To speak to the server, or to a proxy before it, at `address`.
pub(crate) fn options(address: SocketAddr) -> StoreOptions {
    let endpoint = format!("http://{address}");
    let pairs = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", USER),
        ("AWS_SECRET_ACCESS_KEY", PASSWORD),
        ("AWS_REGION", "us-east-1"),
    ];
    StoreOptions {
        environment: pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Environment>(),
        timeout: Duration::from_secs(20),
        retry: Retry { attempts: 6, first: Duration::from_millis(20), longest: Duration::from_millis(200) },
        ..StoreOptions::default()
    }
}
