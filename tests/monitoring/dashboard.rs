//! Grafana's dashboard: each query has a result.

use mini_pra_tests::{Job, root, wait_until};
use serde_json::Value;

use crate::alarms::Alarms;
use crate::rehearsals::record_drill;
use crate::scene::Scene;

#[test]
fn every_query_of_the_dashboard_gives_something_on_a_live_run() {
    let mut scene = Scene::without_backups();
    scene.backup();
    record_drill(&scene.data.catalog(), true);
    scene.replicate();
    scene.wait_for_replica();
    scene.rehearse().succeeds();
    Job::new("restore", &scene.data).args(&["--yes", "--point", "latest"]).succeeds();
    scene.backup();
    let prometheus = scene.watched(&Alarms::quick());
    prometheus.wait_for(&[]);
    for (title, query) in queries() {
        let what = format!("{title}: {query}");
        wait_until(&what, || {
            let samples = prometheus.query(&query);
            samples.iter().any(|sample| sample["value"][1] != "NaN")
        });
    }
}

/// The queries, with what Grafana puts in place of its variables.
fn queries() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("k8s/components/monitoring/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries: Vec<_> = panels
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten().map(move |target| (panel, target)))
        .map(|(panel, target)| {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$namespace", ".*").replace("$__rate_interval", "1m");
            (panel["title"].as_str().unwrap().to_owned(), query)
        })
        .collect();
    assert!(queries.len() > 20, "{} queries", queries.len());
    queries
}
