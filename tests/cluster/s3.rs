//! An S3 server in the cluster, in a namespace of its own, and installations that have their replica there.

use std::fs;

use jiff::Timestamp;
use mini_pra_tests::{bin, root, wait_for};
use serde_json::Value;

use crate::installation::{Installation, NO_BACKUPS, overlay};
use crate::job::Job;
use crate::kubectl;
use crate::turn::Turn;

const USER: &str = "cluster-tests";
const PASSWORD: &str = "cluster-tests-only";

/// The server. Deleted when dropped.
pub(crate) struct S3 {
    namespace: String,
}

impl S3 {
    /// Starts it for the installation `pra`.
    #[track_caller]
    pub(crate) fn beside(pra: &Installation) -> Self {
        let namespace = format!("{}-s3", pra.namespace());
        kubectl::succeeds(&["create", "namespace", &namespace]);
        let manifest = root().join("tests/cluster/minio.yaml");
        let s3 = Self { namespace };
        kubectl::succeeds(&["-n", &s3.namespace, "apply", "-f", manifest.to_str().unwrap()]);
        kubectl::succeeds(&["-n", &s3.namespace, "rollout", "status", "deployment/minio", "--timeout=90s"]);
        s3
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::state::print(&self.namespace);
        }
        drop(kubectl::kubectl(&["delete", "namespace", &self.namespace, "--wait=false", "--ignore-not-found"]));
    }
}

/// An installation of the overlay `s3`, with the store that it has.
pub(crate) struct Replicated {
    // Dropped first: what writes goes before what it writes to.
    pub(crate) pra: Installation,
    s3: S3,
    recipient: String,
}

impl Replicated {
    /// Applies the overlay and waits until the application is ready. No backups are made.
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
        let pra = Installation::rendered_in(name, turn);
        let s3 = S3::beside(&pra);
        let key = format!("{}/pra.key", pra.folder());
        let made = kubectl::run(bin("backup-job"), &["keygen", "-o", &key], "");
        assert_eq!(made.code, Some(0), "{made:?}");
        let new = Self { pra, s3, recipient: made.stdout.trim().to_owned() };
        new.writes_down(true);
        kubectl::succeeds(&["create", "namespace", new.pra.namespace()]);
        new.gives_the_keys();
        new.pra.install();
        new
    }

    /// Writes down what is to be applied.
    #[track_caller]
    pub(crate) fn writes_down(&self, first_install: bool) {
        self.writes_down_with(first_install, 9000);
    }

    /// The same, with a port on which nothing answers.
    #[track_caller]
    pub(crate) fn writes_down_what_is_out_of_reach(&self) {
        self.writes_down_with(false, 9009);
    }

    #[track_caller]
    fn writes_down_with(&self, first_install: bool, port: u16) {
        let Self { pra, s3, recipient } = self;
        let first = if first_install { "first-install = true" } else { "#first-install = true" };
        let endpoint =
            format!("AWS_ENDPOINT_URL = \"http://minio.{}.svc:{port}\"\nAWS_ALLOW_HTTP = true", s3.namespace);
        let text = edited(
            "replica.toml",
            &[
                ("s3://BUCKET/events", self.url()),
                ("age1…", recipient),
                ("#first-install = true", first),
                ("#AWS_ENDPOINT_URL = \"https://minio.example\"", &endpoint),
            ],
        );
        fs::write(format!("{}/replica.toml", pra.folder()), text).unwrap();
        pra.stands_as(&kustomization(&s3.namespace));
    }

    /// Where the replica is.
    pub(crate) fn url(&self) -> &'static str {
        "s3://replicas/events"
    }

    /// Makes the Secret with which the store is written to.
    #[track_caller]
    pub(crate) fn gives_the_keys(&self) {
        let user = format!("--from-literal=access-key-id={USER}");
        let password = format!("--from-literal=secret-access-key={PASSWORD}");
        self.pra.kubectl(&["create", "secret", "generic", "pra-replica-keys", &user, &password]);
    }

    /// The file of the identity.
    pub(crate) fn key(&self) -> String {
        format!("{}/pra.key", self.pra.folder())
    }

    /// Makes the Secret that opens what is encrypted.
    #[track_caller]
    pub(crate) fn gives_the_identity(&self) {
        let file = format!("--from-file=identity={}", self.key());
        self.pra.kubectl(&["create", "secret", "generic", "pra-identity", &file]);
    }

    /// What a restore sees: backups and the replica's windows, newest first.
    #[track_caller]
    pub(crate) fn lists(&self, job: &str) -> Vec<Value> {
        let ended = self.pra.runs_job(
            job,
            &Job::from("restore").args(&[
                "list",
                "--ignore-environment",
                "--config=/config/replica.toml",
                "--output",
                "json",
            ]),
        );
        assert_eq!(ended.code, 0, "{}", ended.log);
        ended.answer().as_array().unwrap().clone()
    }

    /// Waits until the replica reaches as far as `instant`, and says how far.
    #[track_caller]
    pub(crate) fn reaches(&self, instant: Timestamp) -> Timestamp {
        let mut number = 0;
        wait_for(&format!("the replica to reach {instant}"), || {
            number += 1;
            let listed = self.lists(&format!("list-{}-{number}", instant.as_millisecond()));
            let newest = listed.iter().find(|one| one["source"] == self.url())?;
            let reached: Timestamp = newest["created_at"].as_str().unwrap().parse().unwrap();
            (reached >= instant).then_some(reached)
        })
    }
}

/// A file of the overlay `s3` after its user has edited it.
#[track_caller]
fn edited(file: &str, changes: &[(&str, &str)]) -> String {
    let text = fs::read_to_string(root().join("k8s/overlays/s3").join(file)).unwrap();
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not in {file} of the overlay s3");
        text.replace(from, to)
    })
}

/// On top of the overlay under test, with a store in the cluster: the part of the file that is commented out.
#[track_caller]
fn kustomization(store: &str) -> String {
    let on_top = format!("../../../k8s/overlays/{}", overlay());
    let text = edited(
        "kustomization.yaml",
        &[
            ("../container", &on_top),
            ("../../components/", "../../../k8s/components/"),
            ("metadata.name: minio}", &format!("metadata.name: {store}}}")),
        ],
    );
    let (text, patches) = text.split_once("#patches:\n").unwrap();
    let patches: String = patches.lines().map(|line| format!("{}\n", line.strip_prefix('#').unwrap())).collect();
    format!("{text}{NO_BACKUPS}{patches}")
}
