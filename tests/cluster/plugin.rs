//! `kubectl pra` as a user types it.

use mini_pra_tests::{root, wait_for};
use serde_json::{Value, json};

use crate::installation::{Installation, overlay};
use crate::kubectl::{kubectl, run, succeeds};

#[test]
fn status_backup_list_and_restore_work_from_outside_of_the_cluster() {
    let pra = Installation::new("plugin");
    pra.adds(&["one", "two"]);
    let backup = pra.pra(&["backup", "-o", "json"]);
    assert_eq!(backup.code, Some(0), "{backup:?}");
    let file = backup.json()["file"].as_str().unwrap().to_owned();
    pra.adds(&["three"]);

    let listed = pra.pra(&["list", "-o", "name"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), format!("{file}\n").as_str()), "{listed:?}");

    let status = pra.pra(&["status", "-o", "json"]);
    assert_eq!((status.code, &status.json()["application"]["ready"]), (Some(0), &Value::from(2)), "{status:?}");
    assert_eq!(status.json()["application"]["status"]["count"], 3);

    let refused = pra.pra(&["restore", "--point", &file]);
    assert_eq!(refused.code, Some(2), "there is no terminal to ask on: {refused:?}");
    let plan = pra.pra(&["restore", "--point", &file, "--dry-run", "-o", "json"]);
    assert_eq!((plan.code, &plan.json()["plan"]["mode"]), (Some(0), &Value::from("in-place")), "{plan:?}");
    assert_eq!(pra.messages(), ["one", "two", "three"]);

    let missing = pra.pra(&["restore", "--point", "backup-2001-01-01-00-00.db", "--yes", "-o", "json"]);
    assert_eq!((missing.code, &missing.json()["error"]["code"]), (Some(3), &Value::from("no-such-restore-point")));
    let restored = pra.pra(&["restore", "--point", &file, "--yes", "-o", "json"]);
    assert_eq!((restored.code, &restored.json()["verified"]), (Some(0), &Value::from(true)), "{restored:?}");
    assert_eq!(pra.messages(), ["one", "two"]);
    assert_eq!(pra.get(&["jobs"])["items"].as_array().unwrap().len(), 0, "the Jobs are cleared away");
}

/// An application that knows nothing of us, in a namespace of its own.
struct Notes(Installation);

impl Notes {
    #[track_caller]
    fn new() -> Self {
        let pra = Installation::rendered("foreign");
        succeeds(&["create", "namespace", pra.namespace()]);
        succeeds(&["label", "namespace", pra.namespace(), "pod-security.kubernetes.io/enforce=restricted"]);
        let notes = Self(pra);
        notes.applies();
        notes.is_ready("notes");
        notes
    }

    /// Applies its manifests: as WebAssembly where the overlay under test is.
    #[track_caller]
    fn applies(&self) {
        let mut text = std::fs::read_to_string(root().join("tests/cluster/foreign.yaml")).unwrap();
        if overlay() == "k3d" {
            succeeds(&["apply", "-k", root().join("runtime-class").to_str().unwrap()]);
            let image = "image: localhost/mini-pra/events-host:0.1.0\n";
            let component = "image: localhost/mini-pra/events:0.1.0\n          command: [\"/\"]\n";
            let pod = "      automountServiceAccountToken: false\n";
            for (from, to) in [(image, component), (pod, &format!("{pod}      runtimeClassName: wasmtime-spin-v2\n"))] {
                assert!(text.contains(from), "{from}");
                text = text.replace(from, to);
            }
        }
        let said = run("kubectl", &["-n", self.0.namespace(), "apply", "-f", "-"], &text);
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    #[track_caller]
    fn is_ready(&self, deployment: &str) {
        self.0.kubectl(&["rollout", "status", &format!("deployment/{deployment}"), "--timeout=90s"]);
    }

    /// Deletes its claim with all that is on it, makes an empty one, and starts it again.
    #[track_caller]
    fn loses_its_volume(&self) {
        self.0.kubectl(&["scale", "deployment/notes", "deployment/notes-replicator", "--replicas=0"]);
        self.0.kubectl(&["delete", "jobs", "--all"]);
        self.0.kubectl(&["delete", "pods", "--selector=pra-volume=notes-data", "--grace-period=1"]);
        self.0.kubectl(&["delete", "pvc", "notes-data", "--timeout=60s"]);
        self.applies();
        self.0.kubectl(&["scale", "deployment/notes", "deployment/notes-replicator", "--replicas=1"]);
    }

    /// What its user wants of the Deployment.
    #[track_caller]
    fn spec(&self) -> Value {
        self.0.get(&["deployment", "notes"])["spec"].clone()
    }

    #[track_caller]
    fn asks(&self, path: &str) -> Value {
        let proxy = format!("/api/v1/namespaces/{}/services/notes:80/proxy{path}", self.0.namespace());
        wait_for("an answer of the foreign application", || {
            let said = kubectl(&["get", "--raw", &proxy]);
            (said.code == Some(0)).then(|| said.json())
        })
    }

    /// `kubectl pra …`, which must succeed; its answer.
    #[track_caller]
    fn pra(&self, arguments: &[&str]) -> Value {
        let said = self.0.pra(&[arguments, &["-o", "json"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        said.json()
    }
}

/// Backups are made only when the test makes them.
const PROTECT: [&str; 6] =
    ["protect", "deployment/notes", "--database", "/srv/notes/notes.db", "--schedule", "0 0 31 2 *"];

#[test]
fn a_foreign_deployment_is_protected_restored_and_given_back_as_it_was() {
    let notes = Notes::new();
    let before = notes.spec();
    let apply = [&PROTECT[..], &["--apply"]].concat();
    notes.pra(&[&apply[..], &["--dry-run"]].concat());
    assert_eq!(notes.spec(), before, "a dry run changes nothing");
    notes.pra(&apply);
    let second = notes.pra(&apply);
    let changed: Vec<&Value> = second.as_array().unwrap().iter().filter(|one| one["outcome"] != "unchanged").collect();
    assert_eq!(changed, Vec::<&Value>::new());
    notes.is_ready("notes");
    notes.is_ready("notes-replicator");

    notes.asks("/add?message=kept");
    let file = notes.pra(&["backup"])["file"].clone();
    assert_eq!(notes.pra(&["list"])[0]["point"], file);
    for mode in ["in-place", "replace"] {
        notes.asks("/add?message=unwanted");
        let restored = notes.pra(&["restore", "--point", file.as_str().unwrap(), "--mode", mode, "--yes"]);
        assert_eq!((&restored["mode"], &restored["verified"]), (&Value::from(mode), &Value::from(true)));
        assert_eq!(notes.asks("/count")["count"], 1, "{mode}");
    }

    notes.loses_its_volume();
    notes.is_ready("notes");
    assert_eq!(notes.asks("/consultation")[0]["message"], "kept", "restored before the application could start empty");

    notes.pra(&["unprotect", "deployment/notes", "--yes"]);
    assert_eq!(notes.spec(), before);
    assert_eq!(notes.0.pra(&["status"]).code, Some(2), "nothing is protected any more");
    notes.0.kubectl(&["get", "pvc", "notes-pra-backup"]);
    notes.is_ready("notes");
    assert_eq!(notes.asks("/count")["count"], 1);
}

#[test]
fn what_protect_prints_is_valid_and_a_field_of_another_owner_is_refused_before_anything_is_made() {
    let notes = Notes::new();
    let printed = notes.0.pra(&PROTECT);
    let valid = ["-n", notes.0.namespace(), "apply", "--server-side", "--field-manager=mini-pra", "--dry-run=server"];
    let valid = run("kubectl", &[&valid[..], &["--validate=strict", "-f", "-"]].concat(), &printed.stdout);
    assert_eq!(valid.code, Some(0), "{valid:?}");

    let label = json!({ "spec": { "template": { "metadata": { "labels": { "pra-volume": "mine" } } } } }).to_string();
    notes.0.kubectl(&["patch", "deployment", "notes", "--patch", &label]);
    let refused = notes.0.pra(&[&PROTECT[..], &["--apply"]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(".spec.template.metadata.labels.pra-volume"), "{}", refused.stderr);
    assert_eq!(notes.0.get(&["cronjobs"])["items"], json!([]));
}
