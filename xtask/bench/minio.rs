//! An S3 server for this run, which counts its requests: the tests' servers need no counts, and one of them goes away and
//! comes back.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::http::{self, Client};
use crate::measure::Sample;
use crate::process::{Service, run};

pub(crate) const BUCKET: &str = "replicas";
const USER: &str = "bench";
const PASSWORD: &str = "bench-only";

/// Names the program; `cargo xtask bench` builds it.
const PROGRAM: &str = "PRA_MINIO";

/// Its count of requests by name and of the bytes in their bodies, without their headers.
const METRICS: &str = "/minio/metrics/v3/api/requests";

/// A running server on a port of its own. It ends with this value.
pub(crate) struct Minio {
    port: u16,
    folder: PathBuf,
    _service: Service,
}

impl Minio {
    /// Starts one that keeps everything in `folder`; `None` where there is no such program.
    pub(crate) fn start(folder: &Path) -> Result<Option<Self>> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            eprintln!("nothing is measured with S3: set {PROGRAM} to the path of a MinIO server");
            return Ok(None);
        };
        let data = folder.join("data");
        std::fs::create_dir_all(data.join(BUCKET)).context("failed to create the bucket")?;
        let log = std::fs::File::create(folder.join("minio.log")).context("failed to create the log of MinIO")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(program);
        command.args(["server", "--quiet", "--console-address", "127.0.0.1:0", "--address"]);
        command.arg(format!("127.0.0.1:{port}")).arg(&data).stdout(Stdio::null()).stderr(log);
        command.env("MINIO_ROOT_USER", USER).env("MINIO_ROOT_PASSWORD", PASSWORD);
        // It sends no reports to its makers, no scanner runs beside the measurement, and the counts are public.
        command.env("MINIO_CALLHOME_ENABLE", "off").env("MINIO_SCANNER_SPEED", "slowest");
        command.env("MINIO_PROMETHEUS_AUTH_TYPE", "public");
        let mut service = Service::start(&mut command)?;
        let address = ([127, 0, 0, 1], port).into();
        let ready = || Client::new(address).exchange(&http::get("/minio/health/ready")).is_ok_and(|code| code == 200);
        service.wait_for("MinIO was ready", ready)?;
        Ok(Some(Self { port, folder: data, _service: service }))
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where the bucket lies: each object is a folder there, under its key.
    pub(crate) fn bucket(&self) -> PathBuf {
        self.folder.join(BUCKET)
    }

    /// What a program needs to know to use it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", USER.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", PASSWORD.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// The lines that make `curl` sign its requests, for its configuration file.
    pub(crate) fn curl_signs() -> String {
        format!("aws-sigv4 = \"aws:amz:us-east-1:s3\"\nuser = \"{USER}:{PASSWORD}\"\n")
    }

    /// What it was asked since it started.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let ended = run(Command::new("curl").args(["--silent", "--fail", &format!("{}{METRICS}", self.endpoint())]))?;
        let counts = Counts::parse(std::str::from_utf8(&ended.stdout).context("MinIO's metrics are no text")?);
        ensure!(counts.requests() == 0.0 || counts.0.contains_key(UP), "MinIO no longer counts bytes in '{METRICS}'");
        Ok(counts)
    }
}

const UP: &str = "up_mb";

/// Requests by kind, and megabytes that came in.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts(Sample);

impl Counts {
    fn parse(metrics: &str) -> Self {
        let mut counts = Sample::new();
        for line in metrics.lines().filter(|line| line.contains("type=\"s3\"")) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            if name.starts_with("minio_api_requests_traffic_received_bytes{") {
                *counts.entry(UP).or_default() += value / 1e6;
            } else if name.starts_with("minio_api_requests_total{") {
                let request = name.split_once("name=\"").and_then(|(_, rest)| rest.split('"').next());
                *counts.entry(kind(request.unwrap_or_default())).or_default() += value;
            }
        }
        Self(counts)
    }

    fn requests(&self) -> f64 {
        self.0.iter().filter(|(kind, _)| **kind != UP).map(|(_, count)| count).sum()
    }

    /// What came since `before`, of `kind`: `put`, `get`, `list`, `delete`, `other` or `up_mb`.
    pub(crate) fn since(&self, before: &Self, kind: &str) -> f64 {
        let of = |counts: &Self| counts.0.get(kind).copied().unwrap_or_default();
        of(self) - of(before)
    }
}

/// As S3 bills them: what writes, lists, reads, and what is free.
fn kind(request: &str) -> &'static str {
    match request {
        "PutObject" | "CopyObject" | "NewMultipartUpload" | "PutObjectPart" | "CompleteMultipartUpload" => "put",
        "GetObject" | "HeadObject" => "get",
        _ if request.starts_with("List") => "list",
        _ if request.starts_with("Delete") || request.starts_with("Abort") => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_cost() {
        let before = Counts::default();
        let after = Counts::parse(
            "# TYPE minio_api_requests_total counter\n\
             minio_api_requests_total{name=\"PutObject\",server=\"a:1\",type=\"s3\"} 3\n\
             minio_api_requests_total{name=\"PutObjectPart\",server=\"a:1\",type=\"s3\"} 2\n\
             minio_api_requests_total{name=\"ListObjectsV2\",server=\"a:1\",type=\"s3\"} 1\n\
             minio_api_requests_total{name=\"HeadBucket\",server=\"a:1\",type=\"s3\"} 4\n\
             minio_api_requests_ttfb_seconds_distribution{le=\"1\",name=\"PutObject\",type=\"s3\"} 9\n\
             minio_api_requests_traffic_received_bytes{server=\"a:1\",type=\"s3\"} 6e+07\n",
        );
        let counted = ["put", "get", "list", "delete", "other", "up_mb"].map(|kind| after.since(&before, kind));
        assert_eq!(counted, [5.0, 0.0, 1.0, 0.0, 4.0, 60.0]);
        assert_eq!(after.requests(), 10.0);
    }
}
