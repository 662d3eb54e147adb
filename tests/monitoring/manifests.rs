//! The component `monitoring` of the manifests, as kustomize renders it: what it selects is there.

use std::fs;
use std::path::Path;

use mini_pra_tests::{kustomized, root};
use serde_json::Value;

/// The overlay with a component, rendered.
#[track_caller]
fn rendered(overlay: &str, component: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    // kustomize wants relative paths.
    let up = "../".repeat(folder.path().canonicalize().unwrap().components().count() - 1);
    let at = |name: &str| format!("{up}{}/k8s/{name}", root().strip_prefix(Path::new("/")).unwrap().display());
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: elsewhere\n\
         resources: [{}]\ncomponents: [{}]\n",
        at(&format!("overlays/{overlay}")),
        at(&format!("components/{component}"))
    );
    fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
    kustomized(folder.path())
}

#[track_caller]
fn one<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// Whether all labels of `selector` are among `labels`.
#[track_caller]
fn assert_selects(selector: &Value, labels: &Value) {
    let wanted = selector["matchLabels"].as_object().unwrap();
    assert!(!wanted.is_empty() && wanted.iter().all(|(name, value)| labels[name] == *value), "{selector} of {labels}");
}

#[test]
fn what_the_operator_is_told_to_scrape_is_there_and_let_in() {
    for overlay in ["k3d", "container", "s3"] {
        let objects = rendered(overlay, "monitoring");
        let replicator = &one(&objects, "Deployment", "replicator")["spec"]["template"];
        let container = &replicator["spec"]["containers"][0];
        let port = container["ports"].as_array().unwrap().iter().find(|port| port["name"] == "metrics").unwrap();
        let monitor = &one(&objects, "PodMonitor", "pra-replicator")["spec"];
        assert_selects(&monitor["selector"], &replicator["metadata"]["labels"]);
        assert_eq!(monitor["podMetricsEndpoints"][0]["port"], "metrics");

        let policy = &one(&objects, "NetworkPolicy", "pra-metrics")["spec"];
        assert_selects(&policy["podSelector"], &replicator["metadata"]["labels"]);
        assert_eq!(policy["ingress"][0]["ports"][0]["port"], port["containerPort"]);
        let elsewhere = policy["ingress"][0]["from"][0]["namespaceSelector"].as_object();
        assert!(elsewhere.is_some_and(serde_json::Map::is_empty), "any namespace");

        let service = one(&objects, "Service", "events");
        let monitor = &one(&objects, "ServiceMonitor", "events")["spec"];
        assert_selects(&monitor["selector"], &service["metadata"]["labels"]);
        assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);

        let dashboard = one(&objects, "ConfigMap", "pra-dashboard");
        assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
        let _: Value = serde_json::from_str(dashboard["data"]["mini-pra.json"].as_str().unwrap()).unwrap();
        one(&objects, "PrometheusRule", "mini-pra");
        for object in objects.iter().filter(|object| object["kind"] != "Namespace") {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("elsewhere");
            assert_eq!(namespace, "elsewhere", "{} {}", object["kind"], object["metadata"]["name"]);
        }
    }
}

#[test]
fn without_the_operator_the_pods_ask_to_be_scraped() {
    for overlay in ["k3d", "container", "s3"] {
        let objects = rendered(overlay, "monitoring/annotations");
        for name in ["events", "replicator"] {
            let pod = &one(&objects, "Deployment", name)["spec"]["template"];
            assert_eq!(pod["metadata"]["annotations"]["prometheus.io/scrape"], "true", "{name}");
            // No port is named: the container has one only, and that is it.
            assert_eq!(pod["spec"]["containers"][0]["ports"].as_array().unwrap().len(), 1, "{name}");
        }
        one(&objects, "NetworkPolicy", "pra-metrics");
        assert!(!objects.iter().any(|object| object["apiVersion"] == "monitoring.coreos.com/v1"));
    }
}
