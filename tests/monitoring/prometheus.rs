//! A Prometheus of a test's own.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mini_pra_tests::{Body, Client, Process, named, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::alarms::Alarms;

/// How long an alarm may take to fire or to stop: what causes it may have to be noticed by a store's next try, which is
/// half a minute away at most.
const PATIENCE: Duration = Duration::from_secs(120);

const LOOK: Duration = Duration::from_millis(100);

pub(crate) struct Prometheus {
    process: Process,
    client: Client,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it on these targets (`host:port`), as the operator would: with their namespace, each second.
    #[track_caller]
    pub(crate) fn start(alarms: &Alarms, targets: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let rules = file("rules.yaml", &alarms.text());
        let configuration = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{
                "job_name": "mini-pra",
                "static_configs": [{"targets": targets, "labels": {"namespace": "pra"}}],
            }],
        });
        let configuration = file("prometheus.yml", &configuration.to_string());
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(named("PRA_PROMETHEUS"));
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder.path());
        let process = Process::start(&mut command, &folder.path().join("log"));
        let client = Client::new(&format!("http://{address}"));
        let mut prometheus = Self { process, client, _folder: folder };
        wait_until("Prometheus", || {
            assert!(prometheus.process.ended().is_none(), "it has ended:\n{}", prometheus.process.output());
            let answer = prometheus.client.request("GET", "/-/ready").try_send(Body::None);
            answer.is_ok_and(|answer| answer.status == 200)
        });
        prometheus
    }

    /// What `query` gives: the samples of an instant vector.
    #[track_caller]
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.client.get(&format!("/api/v1/query?query={}", encoded(query))).json();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Which alarms fire, sorted: each as its name, and in brackets what it is about, if it says so.
    pub(crate) fn firing(&self) -> Vec<String> {
        let answer = self.client.get_json("/api/v1/alerts");
        let all = answer["data"]["alerts"].as_array().unwrap().iter();
        let mut firing: Vec<_> = all.filter(|alert| alert["state"] == "firing").map(name).collect();
        firing.sort();
        firing
    }

    /// Waits until exactly these fire.
    #[track_caller]
    pub(crate) fn wait_for(&self, expected: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let firing = self.firing();
            if firing == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{firing:?} fire, and {expected:?} were waited for");
            std::thread::sleep(LOOK);
        }
    }
}

fn name(alert: &Value) -> String {
    let labels = &alert["labels"];
    let about = ["source", "drill"].iter().find_map(|label| labels[label].as_str());
    let name = labels["alertname"].as_str().unwrap();
    about.map_or_else(|| name.to_owned(), |about| format!("{name}({})", about.split(':').next().unwrap()))
}

/// A port that no process listens on, and that stays free for a while: no other test gets it, and it is below those
/// that the system takes for outgoing connections (32768 and above on Linux).
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports =
        std::iter::repeat_with(|| (std::process::id() % 10_000 * 64 + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000);
    let mut ports = ports.map(|number| 20_000 + u16::try_from(number).unwrap());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
