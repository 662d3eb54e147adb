//! One installation in a namespace of its own.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use mini_pra_tests::{bin, root, wait_for, wait_until};
use serde_json::{Value, json};

use crate::job::{Ended, Job};
use crate::kubectl::{self, Said};
use crate::state;
use crate::turn::Turn;

/// The application with all that protects it, ready, in the namespace `pra-NAME-…`. Deleted when dropped.
pub(crate) struct Installation {
    namespace: String,
    folder: PathBuf,
    // Given back last: what is deleted is no burden any more.
    _turn: Turn,
}

/// Patches of a kustomization: the CronJob of the backups never comes to its turn.
pub(crate) const NO_BACKUPS: &str = "patches:\n  - target: {kind: CronJob, name: sqlite-backup}\n    patch: |\n      \
     - {op: replace, path: /spec/schedule, value: 0 0 31 2 *}\n";

/// The overlay under test: the one that is asked for, or that of `kubectl apply -k k8s`.
pub(crate) fn overlay() -> String {
    std::env::var("PRA_E2E_OVERLAY").unwrap_or_else(|_unset| {
        let applied = std::fs::read_to_string(root().join("k8s/kustomization.yaml")).unwrap();
        let overlay = applied.lines().find_map(|line| line.trim().strip_prefix("- overlays/"));
        overlay.expect("k8s/kustomization.yaml names no overlay").to_owned()
    })
}

impl Installation {
    /// Applies the overlay and waits until the application is ready. Backups are made only when the test makes them: what
    /// is the newest must not depend on the minute.
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        Self::in_turn(name, Turn::shared())
    }

    /// As [`Self::new`], for a test that measures or counts what is refused: no other one runs meanwhile.
    #[track_caller]
    pub(crate) fn alone(name: &str) -> Self {
        Self::in_turn(name, Turn::alone())
    }

    #[track_caller]
    fn in_turn(name: &str, turn: Turn) -> Self {
        let new = Self::rendered_in(name, turn);
        new.stands_on(&overlay(), NO_BACKUPS);
        new.install();
        new
    }

    /// Applies the overlay as it is and waits until the application is ready.
    #[track_caller]
    pub(crate) fn with_schedule(name: &str) -> Self {
        let new = Self::rendered(name);
        new.install();
        new
    }

    #[track_caller]
    pub(crate) fn install(&self) {
        self.apply();
        self.is_ready();
    }

    /// Only writes down what would be applied.
    #[track_caller]
    pub(crate) fn rendered(name: &str) -> Self {
        Self::rendered_in(name, Turn::shared())
    }

    #[track_caller]
    pub(crate) fn rendered_in(name: &str, turn: Turn) -> Self {
        let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 100_000;
        let namespace = format!("pra-{name}-{moment}");
        let folder = root().join("target/e2e").join(&namespace);
        fs::create_dir_all(&folder).unwrap();
        let new = Self { namespace, folder, _turn: turn };
        new.stands_on(&overlay(), "");
        new
    }

    /// Writes down that an overlay is to be applied, with `more` changes.
    #[track_caller]
    pub(crate) fn stands_on(&self, overlay: &str, more: &str) {
        // kustomize wants a relative path.
        self.stands_as(&format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: pra\nresources:\n  - \
             ../../../k8s/overlays/{overlay}\n{more}"
        ));
    }

    /// Writes down the kustomization that is to be applied, but in this namespace and not in `pra`.
    #[track_caller]
    pub(crate) fn stands_as(&self, kustomization: &str) {
        const NAMESPACE: &str = "\nnamespace: pra\n";
        assert!(kustomization.contains(NAMESPACE), "{kustomization}");
        let text = kustomization.replace(NAMESPACE, &format!("\nnamespace: {}\n", self.namespace));
        fs::write(self.folder.join("kustomization.yaml"), text).unwrap();
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The folder for `-k`.
    pub(crate) fn folder(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn apply(&self) -> String {
        kubectl::succeeds(&["apply", "-k", self.folder()])
    }

    /// Waits until the Deployments have all their pods ready.
    #[track_caller]
    pub(crate) fn is_ready(&self) {
        for name in ["events", "replicator"] {
            self.kubectl(&["rollout", "status", &format!("deployment/{name}"), "--timeout=90s"]);
        }
    }

    /// `kubectl -n NAMESPACE …`, which must succeed; its stdout.
    #[track_caller]
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl::succeeds(&[&["-n", &self.namespace], arguments].concat())
    }

    /// `kubectl -n NAMESPACE …`, whatever comes of it.
    #[track_caller]
    pub(crate) fn tries(&self, arguments: &[&str]) -> Said {
        kubectl::kubectl(&[&["-n", &self.namespace], arguments].concat())
    }

    /// `kubectl -n NAMESPACE get … -o json`.
    #[track_caller]
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let text = self.kubectl(&[&["get"], arguments, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// `kubectl pra -n NAMESPACE …`, whatever comes of it.
    #[track_caller]
    pub(crate) fn pra(&self, arguments: &[&str]) -> Said {
        kubectl::run(bin("kubectl-pra"), &[arguments, &["-n", &self.namespace]].concat(), "")
    }

    /// `GET PATH` of the application.
    #[track_caller]
    pub(crate) fn asks(&self, path: &str) -> Value {
        let said = self.try_asks(path);
        assert_eq!(said.code, Some(0), "GET {path}: {said:?}");
        said.json()
    }

    /// `GET PATH` of the application, whatever comes of it.
    #[track_caller]
    pub(crate) fn try_asks(&self, path: &str) -> Said {
        let proxy = format!("/api/v1/namespaces/{}/services/events:80/proxy{path}", self.namespace);
        kubectl::kubectl(&["get", "--raw", &proxy])
    }

    /// Adds an event for each of the messages.
    #[track_caller]
    pub(crate) fn adds(&self, messages: &[&str]) {
        for message in messages {
            assert_eq!(self.asks(&format!("/add?message={message}"))["status"], "added");
        }
    }

    /// The messages of all events, oldest first.
    #[track_caller]
    pub(crate) fn messages(&self) -> Vec<String> {
        let page = self.asks("/events?limit=1000");
        let events = page["events"].as_array().unwrap();
        events.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// `kubectl create job NAME --from=cronjob/CRONJOB`, then waits for its end.
    #[track_caller]
    pub(crate) fn runs(&self, cronjob: &str, name: &str) -> Ended {
        self.starts(cronjob, name);
        self.ends(name)
    }

    /// `kubectl create job NAME --from=cronjob/CRONJOB`.
    #[track_caller]
    pub(crate) fn starts(&self, cronjob: &str, name: &str) {
        self.kubectl(&["create", "job", name, &format!("--from=cronjob/{cronjob}")]);
    }

    /// Makes a changed Job, then waits for its end.
    #[track_caller]
    pub(crate) fn runs_job(&self, name: &str, job: &Job) -> Ended {
        self.starts_job(name, job);
        self.ends(name)
    }

    /// Makes a changed Job.
    #[track_caller]
    pub(crate) fn starts_job(&self, name: &str, job: &Job) {
        let from = format!("--from=cronjob/{}", job.cronjob());
        let text = self.kubectl(&["create", "job", name, &from, "--dry-run=client", "-o", "json"]);
        let mut made: Value = serde_json::from_str(&text).unwrap();
        job.change(&mut made);
        let said = kubectl::run("kubectl", &["-n", &self.namespace, "create", "-f", "-"], &made.to_string());
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    /// Waits until the Lease names a holder with this in its name.
    #[track_caller]
    pub(crate) fn lease_says(&self, holder: &str) {
        wait_until(&format!("'{holder}' on the Lease"), || {
            let lease = self.get(&["lease", "restore"]);
            lease["spec"]["holderIdentity"].as_str().is_some_and(|says| says.contains(holder))
        });
    }

    /// Lets the application's pods end without the seconds that they give the Service to forget them.
    #[track_caller]
    pub(crate) fn ends_pods_at_once(&self) {
        let lifecycle = json!({ "preStop": { "sleep": { "seconds": 1 } } });
        let containers = json!([{ "name": "events", "lifecycle": lifecycle }]);
        let pod = json!({ "terminationGracePeriodSeconds": 1, "containers": containers });
        let patch = json!({ "spec": { "template": { "spec": pod } } }).to_string();
        self.kubectl(&["patch", "deployment", "events", "--patch", &patch]);
        self.is_ready();
    }

    /// Waits for the end of a Job.
    #[track_caller]
    pub(crate) fn ends(&self, name: &str) -> Ended {
        let done = |job: &Value| {
            let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|one| ["Complete", "Failed"].contains(&one["type"].as_str().unwrap()))
        };
        wait_until(&format!("the end of job {name}"), || done(&self.get(&["job", name])));
        let selector = format!("batch.kubernetes.io/job-name={name}");
        let pods = self.get(&["pods", "--selector", &selector, "--sort-by=.status.startTime"]);
        let last = pods["items"].as_array().unwrap().last().expect("the Job has no pod");
        let code = last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64().unwrap_or(-1);
        let log = self.kubectl(&["logs", last["metadata"]["name"].as_str().unwrap()]);
        Ended { code, log }
    }

    /// Makes a backup now and returns its file's name.
    #[track_caller]
    pub(crate) fn backs_up(&self, name: &str) -> String {
        let ended = self.runs("sqlite-backup", name);
        assert_eq!(ended.code, 0, "{}", ended.log);
        ended.answer()["file"].as_str().unwrap().to_owned()
    }

    /// The pods of the application that are not ending.
    #[track_caller]
    pub(crate) fn pods(&self) -> Vec<Value> {
        let pods = self.get(&["pods", "--selector", "app.kubernetes.io/name=events"]);
        let pods = pods["items"].as_array().unwrap().clone();
        pods.into_iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_none()).collect()
    }

    /// Waits until a log says this.
    #[track_caller]
    pub(crate) fn log_says(&self, whose: &[&str], text: &str) {
        wait_until(&format!("'{text}' in the log of {}", whose[0]), || {
            self.tries(&[&["logs"], whose].concat()).stdout.contains(text)
        });
    }

    /// Gives the application's init container one more argument.
    #[track_caller]
    pub(crate) fn tells_init(&self, argument: &str) {
        let path = "/spec/template/spec/initContainers/0/args/-";
        let patch = json!([{ "op": "add", "path": path, "value": argument }]).to_string();
        self.kubectl(&["patch", "deployment", "events", "--type=json", "--patch", &patch]);
    }

    /// Waits until the init container of one of the application's pods has failed, and no pod answers.
    #[track_caller]
    pub(crate) fn init_fails(&self) -> Ended {
        let ended = |pod: &Value| {
            let status = &pod["status"]["initContainerStatuses"][0];
            let code = ["state", "lastState"].iter().find_map(|one| status[one]["terminated"]["exitCode"].as_i64());
            Some((pod["metadata"]["name"].as_str()?.to_owned(), code.filter(|code| *code != 0)?))
        };
        let (pod, code) = wait_for("init to fail", || self.pods().iter().find_map(ended));
        assert_ne!(self.try_asks("/count").code, Some(0), "the application answers");
        // It is started again and again: the log of the last time may be gone already, and that of this one yet to come.
        let log = wait_for("the log of init", || {
            let log = self.kubectl(&["logs", &pod, "--container=init"]);
            log.contains("error: ").then_some(log)
        });
        Ended { code, log }
    }

    /// Scales down to zero, also the checkpointer, and stops the backups.
    #[track_caller]
    pub(crate) fn stops(&self) {
        self.kubectl(&["patch", "cronjob", "sqlite-backup", "--patch", r#"{"spec":{"suspend":true}}"#]);
        self.kubectl(&["scale", "deployment/events", "deployment/replicator", "--replicas=0"]);
        self.kubectl(&["delete", "jobs", "--all", "--wait=true"]);
        self.kubectl(&["delete", "pod", "--selector=pra-volume=pra-data", "--grace-period=1", "--wait=true"]);
    }

    /// Stops, deletes the volume of the data with all that is on it, and makes an empty one.
    #[track_caller]
    pub(crate) fn loses_its_volume(&self) {
        self.stops();
        self.kubectl(&["delete", "pvc", "pra-data", "--wait=true", "--timeout=60s"]);
        let claim = root().join("k8s/base/pra-data.yaml");
        self.kubectl(&["apply", "-f", claim.to_str().unwrap()]);
    }

    /// Scales up again and resumes the backups.
    #[track_caller]
    pub(crate) fn comes_back(&self) {
        self.kubectl(&["scale", "deployment/events", "--replicas=2"]);
        self.kubectl(&["scale", "deployment/replicator", "--replicas=1"]);
        self.kubectl(&["patch", "cronjob", "sqlite-backup", "--patch", r#"{"spec":{"suspend":false}}"#]);
        self.is_ready();
    }

    /// Waits until the Service answers, which kube-proxy makes it do a moment after the pods are ready.
    #[track_caller]
    pub(crate) fn answers(&self) -> Value {
        wait_for("an answer of the application", || {
            let said = self.try_asks("/count");
            (said.code == Some(0)).then(|| said.json())
        })
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            state::print(&self.namespace);
        }
        drop(kubectl::kubectl(&["delete", "namespace", &self.namespace, "--wait=false", "--ignore-not-found"]));
    }
}
