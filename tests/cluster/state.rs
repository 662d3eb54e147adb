//! What is in a namespace, for whoever has to find out why a test failed.

use crate::kubectl::kubectl;

/// Prints every object's state, every pod's description and log, and the Events.
pub(crate) fn print(namespace: &str) {
    let show = |arguments: &[&str]| {
        let said = kubectl(&[&["-n", namespace], arguments].concat());
        eprintln!("--- kubectl {}\n{}{}", arguments.join(" "), said.stdout, said.stderr);
        said.stdout
    };
    show(&["get", "all,pvc,lease,configmap", "-o", "wide"]);
    show(&["get", "lease", "restore", "-o", "yaml"]);
    show(&["get", "events", "--sort-by=.lastTimestamp"]);
    for pod in kubectl(&["-n", namespace, "get", "pods", "-o", "name"]).stdout.lines() {
        show(&["describe", pod]);
        show(&["logs", pod, "--all-containers", "--prefix", "--tail=100"]);
    }
}
