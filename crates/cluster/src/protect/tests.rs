use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use pra_core::Code;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::kustomize::kustomized;
use super::names::Names;
use super::plan::{Options, Plan, Schema, Target, make};
use super::template::{self, Settings};
use super::workload::Workload;

// One way to render manifests, for the black-box tests too.
#[expect(unreachable_pub, reason = "it is public in the library of the black-box tests")]
#[path = "../../../../tests/harness/kustomize.rs"]
mod kustomize;

fn deployment(name: &str, folder: &str, claim: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "containers": [{
                        "name": "app",
                        "securityContext": { "runAsUser": 10001, "runAsGroup": 10002 },
                        "volumeMounts": [{ "name": "files", "mountPath": folder }],
                    }],
                    "volumes": [{ "name": "files", "persistentVolumeClaim": { "claimName": claim } }],
                },
            },
        },
    })
}

fn live(value: Value) -> Deployment {
    serde_json::from_value(value).unwrap()
}

fn options(target: &str, database: &str) -> Options {
    Options {
        target: target.parse().unwrap(),
        database: Some(database.to_owned()),
        user: None,
        image: None,
        schedule: None,
        backup_size: None,
        schema: None,
        keep_journal_mode: false,
    }
}

fn notes() -> Plan {
    let live = live(deployment("notes", "/srv/notes", "notes-data"));
    make(&options("deployment/notes", "/srv/notes/notes.db"), "space", &live, None).unwrap()
}

fn refused(change: fn(&mut Value), database: &str) -> String {
    let mut value = deployment("notes", "/srv/notes", "notes-data");
    change(&mut value["spec"]["template"]["spec"]);
    let error = make(&options("deployment/notes", database), "space", &live(value), None).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    error.to_string()
}

/// All places of an object at which another object is named, as `kind/name`.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    let Some(map) = value.as_object() else {
        return value.as_array().into_iter().flatten().for_each(|item| references(item, found));
    };
    for (key, value) in map {
        let name = value.as_str().unwrap_or_default();
        match key.as_str() {
            "claimName" => drop(found.insert(format!("persistentvolumeclaim/{name}"))),
            "serviceAccountName" => drop(found.insert(format!("serviceaccount/{name}"))),
            "roleRef" => drop(found.insert(format!("role/{}", value["name"].as_str().unwrap()))),
            "subjects" => drop(found.insert(format!("serviceaccount/{}", value[0]["name"].as_str().unwrap()))),
            "args" => {
                value.as_array().unwrap().iter().for_each(|argument| match argument.as_str().unwrap().split_once('=') {
                    Some(("--lease", name)) => drop(found.insert(format!("lease/{name}"))),
                    Some(("--quiesce" | "--suspend" | "--point-from", what)) => drop(found.insert(what.to_owned())),
                    _ => {}
                })
            }
            // Those of a Role; a podFailurePolicy has some too.
            "rules" if value[0]["resources"].is_array() => value.as_array().unwrap().iter().for_each(|rule| {
                let kind = rule["resources"][0].as_str().unwrap().split('/').next().unwrap().trim_end_matches('s');
                let names = rule["resourceNames"].as_array().into_iter().flatten();
                found.extend(names.map(|name| format!("{kind}/{}", name.as_str().unwrap())));
            }),
            _ => references(value, found),
        }
    }
}

fn titles(objects: &[Value]) -> BTreeSet<String> {
    let title = |one: &Value| {
        format!("{}/{}", one["kind"].as_str().unwrap().to_lowercase(), one["metadata"]["name"].as_str().unwrap())
    };
    objects.iter().map(title).collect()
}

/// Every string of an object, keys and values.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(map) => map.iter().for_each(|(key, item)| {
            found.insert(key.clone());
            strings(item, found);
        }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_kit_names_only_what_is_in_it_and_nothing_of_the_event_application(
        app in "[a-z][a-z0-9-]{0,38}[a-z0-9]",
        claim in "[a-z]{1,20}-volume",
        folder in "/[a-z]{3,9}(/[a-z]{3,9})?",
    ) {
        prop_assume!(!["/backup", "/tmp"].iter().any(|taken| folder.starts_with(taken)));
        prop_assume!(app != "events");
        let live = live(deployment(&app, &folder, &claim));
        let database = format!("{folder}/some.db");
        let plan = make(&options(&format!("deployment/{app}"), &database), "space", &live, None).unwrap();
        let mut there = titles(&plan.kit);
        there.insert(format!("deployment/{app}"));
        there.insert(format!("persistentvolumeclaim/{claim}"));
        let mut named = BTreeSet::new();
        plan.kit.iter().chain([&plan.workload]).for_each(|one| references(one, &mut named));
        prop_assert!(named.is_subset(&there), "{:?}", named.difference(&there).collect::<Vec<_>>());
        let mut all = BTreeSet::new();
        plan.kit.iter().chain([&plan.workload]).for_each(|one| strings(one, &mut all));
        // `events` of the Role are Kubernetes' own.
        let left = ["pra-data", "sqlite-backup", "/data/app.db", "/data", "restore-point", "deployment/events"];
        for old in left.iter().filter(|old| folder != **old) {
            prop_assert!(!all.contains(*old), "{old} is left over");
        }
    }
}

#[test]
fn for_the_event_application_the_kit_is_what_kustomize_makes_of_the_manifests() {
    let kustomized = kustomized(concat!(env!("CARGO_MANIFEST_DIR"), "/../../k8s/kit").as_ref());
    let workload = Workload {
        database: "/data/app.db".to_owned(),
        mount_path: "/data".to_owned(),
        volume: "data".to_owned(),
        claim: "pra-data".to_owned(),
        user: 65_532,
        group: 65_532,
        fs_group: 65_532,
    };
    let ours =
        template::kit(&Settings { names: Names::base(), workload, image: None, schedule: None, backup_size: None })
            .unwrap();
    let sorted = |mut objects: Vec<Value>| {
        objects.sort_by_key(|one| format!("{}/{}", one["kind"], one["metadata"]["name"]));
        objects
    };
    assert_eq!(sorted(ours), sorted(kustomized));
}

/// Under the shim nothing but the WebAssembly itself gets the environment of its manifest.
#[test]
fn nothing_of_ours_is_told_anything_by_its_environment() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../k8s");
    for overlay in ["container", "k3d", "s3", "spinapp"] {
        let objects = kustomized(&root.join("overlays").join(overlay));
        objects.iter().for_each(|object| has_no_environment(overlay, object));
    }
    let plan = notes();
    plan.kit.iter().chain([&plan.workload]).for_each(|object| has_no_environment("protect", object));
}

fn has_no_environment(whose: &str, value: &Value) {
    let ours = |value: &Value| value["image"].as_str().is_some_and(|image| image.contains("backup-job"));
    if ours(value) {
        assert!(value.get("env").is_none() && value.get("envFrom").is_none(), "{whose}: {value}");
        let told = |flag: &str| value["args"].as_array().unwrap().contains(&json!(flag));
        assert!(told("--ignore-environment"), "{whose}: {value}");
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| has_no_environment(whose, item)),
        Value::Object(map) => map.values().for_each(|item| has_no_environment(whose, item)),
        _ => {}
    }
}

#[test]
fn the_kit_is_as_the_workload_is() {
    let plan = notes();
    let find = |kind: &str, name: &str| {
        plan.kit.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name).unwrap()
    };
    let backup = find("CronJob", "notes-backup");
    assert_eq!(backup["metadata"]["namespace"], "space");
    let pod = &backup["spec"]["jobTemplate"]["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["pra-volume"], "notes-data");
    assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/instance"], "notes");
    let context = &pod["spec"]["securityContext"];
    assert_eq!((&context["runAsUser"], &context["fsGroup"]), (&json!(10001), &json!(10002)));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["volumeMounts"][0], json!({ "name": "data", "mountPath": "/srv/notes" }));
    assert!(container["args"].as_array().unwrap().contains(&json!("--database=/srv/notes/notes.db")));
}

#[test]
fn the_workload_gets_an_init_container_that_makes_no_foreign_schema_and_nothing_more() {
    let patch = notes().workload;
    let pod = &patch["spec"]["template"]["spec"];
    let init = &pod["initContainers"][0];
    assert_eq!(init["name"], "pra-init");
    let args = ["init", "--ignore-environment", "--database=/srv/notes/notes.db", "--wait=10m"];
    assert_eq!(init["args"], json!(args));
    assert_eq!(init["securityContext"]["runAsUser"], 10001);
    let mounts: Vec<&str> =
        init["volumeMounts"].as_array().unwrap().iter().map(|mount| mount["name"].as_str().unwrap()).collect();
    assert_eq!(mounts, ["files", "pra-backup", "pra-tmp"]);
    assert!(pod.get("containers").is_none() && pod.get("securityContext").is_none());
    assert!(patch["spec"].get("replicas").is_none());
}

#[test]
fn a_spin_app_gets_the_user_of_our_images_for_its_whole_pod() {
    let mut value = deployment("notes", "/data", "notes-data");
    value["spec"]["template"]["spec"]["containers"][0]["securityContext"] = Value::Null;
    let plan = make(&options("spinapp/notes", "/data/app.db"), "space", &live(value), None).unwrap();
    assert_eq!(plan.workload["spec"]["template"]["spec"]["securityContext"]["runAsUser"], 65_532);
}

#[test]
fn the_users_words_reach_the_manifests() {
    let live = live(deployment("notes", "/srv/notes", "notes-data"));
    let options = Options {
        user: Some(7),
        image: Some("registry/job:1".to_owned()),
        schedule: Some("*/5 * * * *".to_owned()),
        backup_size: Some("9Gi".to_owned()),
        schema: Some(Schema::Events),
        keep_journal_mode: true,
        ..options("deployment/notes", "/srv/notes/notes.db")
    };
    let plan = make(&options, "space", &live, None).unwrap();
    let mut all = BTreeSet::new();
    plan.kit.iter().chain([&plan.workload]).for_each(|one| strings(one, &mut all));
    for word in ["registry/job:1", "*/5 * * * *", "9Gi", "--keep-journal-mode", "--schema=events", "0 0 31 2 *"] {
        assert!(all.contains(word), "{word}");
    }
    assert!(!all.iter().any(|text| text.contains("backup-job:")));
    assert_eq!(plan.workload["spec"]["template"]["spec"]["securityContext"]["runAsUser"], 7);
}

#[test]
fn what_cannot_be_protected_is_refused_with_the_reason() {
    assert!(refused(|_| {}, "/elsewhere/app.db").starts_with("no container of deployment 'notes' mounts"));
    assert!(refused(|_| {}, "notes.db").contains("not the full path"));
    let with = |change| refused(change, "/srv/notes/notes.db");
    assert!(
        with(|pod| pod["volumes"][0] = json!({ "name": "files", "emptyDir": {} })).contains("no PersistentVolumeClaim")
    );
    assert!(with(|pod| pod["containers"][0]["volumeMounts"][0]["subPath"] = json!("x")).contains("subPath"));
    assert!(with(|pod| pod["containers"][0]["volumeMounts"][0]["readOnly"] = json!(true)).contains("read-only"));
    assert!(with(|pod| pod["containers"][0]["securityContext"] = Value::Null).contains("as which user"));
    assert!("pod/notes".parse::<Target>().is_err());
    let long = "a".repeat(42);
    let live = live(deployment(&long, "/srv/notes", "notes-data"));
    let error = make(&options(&format!("deployment/{long}"), "/srv/notes/a.db"), "space", &live, None).unwrap_err();
    assert!(error.to_string().contains("longer than 41"), "{error}");
}

#[test]
fn an_init_container_that_has_the_volume_before_it_is_restored_is_refused_by_name() {
    let theirs =
        |name: &str, volume: &str| json!([{ "name": name, "volumeMounts": [{ "name": volume, "mountPath": "/x" }] }]);
    let with = |containers: Value| {
        let mut value = deployment("notes", "/srv/notes", "notes-data");
        value["spec"]["template"]["spec"]["initContainers"] = containers;
        make(&options("deployment/notes", "/srv/notes/notes.db"), "space", &live(value), None)
    };
    let error = with(theirs("migrate", "files")).unwrap_err();
    assert!(error.to_string().contains("'migrate'") && error.to_string().contains("'files'"), "{error}");
    let mut sidecar = theirs("sync", "files");
    sidecar[0]["restartPolicy"] = json!("Always");
    assert!(with(sidecar).unwrap_err().to_string().contains("'sync'"));
    // Who does not see the volume does it no harm; and ours is there already.
    with(theirs("wait-for-dns", "other")).unwrap();
    with(theirs("pra-init", "files")).unwrap();
}

#[test]
fn a_sidecar_a_further_claim_a_subfolder_and_several_replicas_are_protected() {
    let mut value = deployment("notes", "/srv", "notes-data");
    let pod = &mut value["spec"]["template"]["spec"];
    let sidecar = json!({ "name": "side", "volumeMounts": [{ "name": "files", "mountPath": "/other" }] });
    pod["containers"].as_array_mut().unwrap().push(sidecar);
    pod["containers"][0]["volumeMounts"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "more", "mountPath": "/srv/up" }));
    let more = json!({ "name": "more", "persistentVolumeClaim": { "claimName": "uploads" } });
    pod["volumes"].as_array_mut().unwrap().push(more);
    value["spec"]["replicas"] = json!(2);
    let plan = make(&options("deployment/notes", "/srv/db/notes.db"), "space", &live(value), None).unwrap();
    let pod = &plan.workload["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["pra-volume"], "notes-data");
    assert_eq!(pod["spec"]["initContainers"][0]["volumeMounts"][0], json!({ "name": "files", "mountPath": "/srv" }));
    // Pods that share a volume of one node run there, however many there are.
    assert!(pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].is_array());
}

#[test]
fn a_claim_for_one_pod_alone_and_a_stateful_set_are_refused() {
    let claim = |mode: &str| {
        let claim = json!({ "metadata": { "name": "a" }, "spec": { "accessModes": [mode] } });
        super::workload::can_be_shared(&serde_json::from_value(claim).unwrap())
    };
    assert!(claim("ReadWriteOncePod").unwrap_err().to_string().contains("ReadWriteOncePod"));
    claim("ReadWriteOnce").unwrap();
    claim("ReadWriteMany").unwrap();
    assert!("statefulset/notes".parse::<Target>().unwrap_err().contains("for each of its pods"));
}

#[test]
fn an_affinity_of_the_workloads_own_is_left_and_said() {
    let mut value = deployment("notes", "/srv/notes", "notes-data");
    let own = json!([{ "topologyKey": "zone" }]);
    let affinity = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": own } });
    value["spec"]["template"]["spec"]["affinity"] = affinity;
    let plan = make(&options("deployment/notes", "/srv/notes/notes.db"), "space", &live(value), None).unwrap();
    assert!(plan.workload["spec"]["template"]["spec"].get("affinity").is_none());
    assert_eq!(plan.notes.len(), 1);
}
