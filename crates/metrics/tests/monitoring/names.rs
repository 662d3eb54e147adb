//! Names of metrics in queries.

use pra_metrics::{ALL, Metric};

/// The metrics that `query` asks for.
#[track_caller]
pub(crate) fn metrics(query: &str) -> Vec<Metric> {
    let words = query.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let names = words.filter(|word| word.starts_with("pra_"));
    let declared = |name| ALL.iter().copied().find(|metric| metric.name == name);
    names.map(|name| declared(name).unwrap_or_else(|| panic!("'{name}' is declared nowhere: {query}"))).collect()
}

/// Whether `query` keeps installations apart and does not count what two pods say twice.
#[track_caller]
pub(crate) fn assert_is_right_for_two_pods(query: &str) {
    assert!(!metrics(query).is_empty(), "{query}");
    assert!(!query.contains("sum"), "two pods say the same: {query}");
    for by in query.split(" by ").skip(1) {
        assert!(by.starts_with("(namespace"), "installations are thrown together: {query}");
    }
    for (metric, label) in told_apart(query) {
        let kept = query.split(" by (").skip(1).any(|by| by.split(')').next().is_some_and(|by| by.contains(label)));
        assert!(kept, "{} has a {label}, which is lost: {query}", metric.name);
    }
}

/// The labels that what `query` gives needs: those of its metrics, without what it chooses by. Behind `unless` and
/// `and` it only asks whether there is anything.
pub(crate) fn told_apart(query: &str) -> Vec<(Metric, &'static str)> {
    let gives = query.split(" unless ").next().and_then(|query| query.split(" and on ").next()).unwrap_or(query);
    let all = metrics(gives).into_iter().flat_map(|metric| metric.labels.iter().map(move |label| (metric, *label)));
    all.filter(|(_, label)| !gives.contains(&format!("{label}=\""))).collect()
}

#[test]
#[should_panic(expected = "declared nowhere")]
fn a_metric_that_no_program_exports_is_noticed() {
    metrics("max by (namespace) (pra_replica_lags_seconds) > 5");
}

#[test]
#[should_panic(expected = "two pods say the same")]
fn a_sum_is_noticed() {
    assert_is_right_for_two_pods("sum by (namespace) (pra_events)");
}

#[test]
#[should_panic(expected = "which is lost")]
fn replicas_that_are_thrown_together_are_noticed() {
    assert_is_right_for_two_pods("max by (namespace) (pra_replica_up) == 0");
}
