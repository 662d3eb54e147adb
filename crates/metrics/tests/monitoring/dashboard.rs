//! Grafana's dashboard. (That its queries give something is seen by the tests on a real Prometheus.)

use serde_json::Value;

use crate::names::{assert_is_right_for_two_pods, metrics};
use crate::repository::read;

const DASHBOARD: &str = "k8s/components/monitoring/dashboard.json";

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").cloned().collect()
}

#[test]
fn each_query_asks_for_metrics_that_exist_in_the_chosen_namespaces() {
    let mut queries = 0;
    for panel in panels() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            queries += 1;
            let selections = query.matches(r#"namespace=~"$namespace""#).count();
            assert_eq!(selections, metrics(query).len().max(1), "{query}");
            if !query.contains("ALERTS") {
                assert_is_right_for_two_pods(query);
            }
        }
    }
    assert!(queries > 20, "{queries} queries");
}

#[test]
fn each_panel_has_a_title_a_unit_and_says_what_it_shows() {
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty());
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
        assert!(panel.pointer("/fieldConfig/defaults/unit").is_some(), "{title}");
    }
}

#[test]
fn panels_do_not_lie_upon_each_other() {
    let place = |panel: &Value| ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
    let places: Vec<_> = panels().iter().map(place).collect();
    for (number, [x, y, w, h]) in places.iter().enumerate() {
        assert!(x + w <= 24);
        for [left, top, width, height] in &places[..number] {
            let apart = x + w <= *left || left + width <= *x || y + h <= *top || top + height <= *y;
            assert!(apart, "at {x}, {y} and {left}, {top}");
        }
    }
}
