//! What is in a namespace, for the person who must find out why a test failed.

use crate::kubectl::kubectl;

/// Prints every object's state, every pod's description and log, and the Events.
pub(crate) fn print(namespace: &str) {
    let show = |arguments: &[&str]| show(namespace, arguments);
    show(&["get", "all,pvc,lease,configmap", "-o", "wide"]);
    show(&["get", "lease", "restore", "-o", "yaml"]);
    events(namespace);
    for pod in kubectl(&["-n", namespace, "get", "pods", "-o", "name"]).stdout.lines() {
        show(&["describe", pod]);
        show(&["logs", pod, "--all-containers", "--prefix", "--tail=100"]);
    }
}

/// Prints the namespace's Events, and how the nodes are: one that is `NotReady` explains much.
pub(crate) fn events(namespace: &str) {
    // The scheduler's have no `lastTimestamp`.
    let events = ["get", "events", "--sort-by=.metadata.creationTimestamp"];
    show(namespace, &events);
    show("default", &[&events[..], &["--field-selector=involvedObject.kind=Node"]].concat());
}

fn show(namespace: &str, arguments: &[&str]) {
    let said = kubectl(&[&["-n", namespace], arguments].concat());
    eprintln!("--- kubectl {}\n{}{}", arguments.join(" "), said.stdout, said.stderr);
}
