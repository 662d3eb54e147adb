//! What the service accounts may do, and nothing else.

use crate::installation::Installation;
use crate::kubectl::kubectl;

#[test]
fn a_restore_may_do_what_it_needs_and_nothing_else() {
    let pra = Installation::rendered("rights");
    pra.apply();
    let account = format!("--as=system:serviceaccount:{}:restore", pra.namespace());
    let may = |verb: &str, what: &str| {
        kubectl(&["-n", pra.namespace(), "auth", "can-i", verb, what, &account]).stdout.trim() == "yes"
    };
    for (verb, what) in [
        ("update", "leases/restore"),
        ("update", "configmaps/restore-point"),
        ("get", "deployments/events"),
        ("patch", "cronjobs/sqlite-backup"),
        ("list", "pods"),
        ("create", "events"),
    ] {
        assert!(may(verb, what), "{verb} {what} is needed");
    }
    for (verb, what) in [
        ("get", "secrets"),
        ("update", "leases/other"),
        ("create", "leases"),
        ("update", "configmaps/events-runtime-config"),
        ("patch", "deployments/events"),
        ("patch", "deployments/replicator"),
        ("delete", "pods"),
        ("create", "pods"),
        ("create", "jobs"),
        ("delete", "persistentvolumeclaims/pra-data"),
        ("patch", "cronjobs/restore"),
        ("get", "nodes"),
    ] {
        assert!(!may(verb, what), "{verb} {what} is not needed");
    }
}

#[test]
fn the_other_pods_have_no_rights_at_all() {
    let pra = Installation::rendered("none");
    pra.apply();
    let account = format!("--as=system:serviceaccount:{}:default", pra.namespace());
    for what in ["pods", "secrets", "configmaps", "leases"] {
        let said = kubectl(&["-n", pra.namespace(), "auth", "can-i", "list", what, &account]);
        assert_eq!(said.stdout.trim(), "no", "list {what}");
    }
}
