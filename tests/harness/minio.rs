//! An S3 server: MinIO.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::client::{Body, Client};
use crate::process::Process;
use crate::programs::named;
use crate::store::Store;
use crate::wait::wait_until;

const BUCKET: &str = "replicas";
const USER: &str = "replica-tests";
const PASSWORD: &str = "replica-tests-only";

/// A MinIO server, which can go away and come back.
#[derive(Debug)]
pub struct Minio {
    process: Process,
    port: u16,
    folder: TempDir,
}

impl Minio {
    /// One of the caller's own.
    ///
    /// # Panics
    /// Where it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { process: serve(&folder, port), port, folder }
    }

    /// The one of all who use it at the same time, each below a prefix of its own.
    ///
    /// # Panics
    /// As [`Minio::start`].
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Minio>> = Mutex::new(Weak::new());
        // A test that failed to start it has said so.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let started = Arc::new(Self::start());
            *shared = Arc::downgrade(&started);
            started
        })
    }

    /// The store below `prefix`.
    #[must_use]
    pub fn store(&self, prefix: &str) -> Store {
        let environment = [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ACCESS_KEY_ID", USER.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", PASSWORD.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        Store {
            url: format!("s3://{BUCKET}/{prefix}"),
            environment: environment.to_vec(),
            // An object is a folder there, under its key.
            folder: self.folder.path().join("data").join(BUCKET).join(prefix),
        }
    }

    /// It is gone, without a word.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// It is there again, at the same address, with what it had.
    pub fn come_back(&mut self) {
        self.process = serve(&self.folder, self.port);
    }
}

fn serve(folder: &TempDir, port: u16) -> Process {
    let mut command = Command::new(named("PRA_MINIO"));
    command
        .args(["server", "--quiet", "--anonymous", "--console-address", "127.0.0.1:0", "--address"])
        .arg(format!("127.0.0.1:{port}"))
        .arg(folder.path().join("data"))
        .env("MINIO_ROOT_USER", USER)
        .env("MINIO_ROOT_PASSWORD", PASSWORD)
        // It sends no reports to its makers, and no scanner runs.
        .env("MINIO_CALLHOME_ENABLE", "off")
        .env("MINIO_SCANNER_SPEED", "slowest");
    let mut process = Process::start(&mut command, &folder.path().join("log"));
    let client = Client::without_keep_alive(&format!("http://127.0.0.1:{port}"));
    wait_until("MinIO", || {
        assert!(process.ended().is_none(), "MinIO has ended:\n{}", process.output());
        let answer = client.request("GET", "/minio/health/ready").try_send(Body::None);
        answer.is_ok_and(|answer| answer.status == 200)
    });
    process
}
