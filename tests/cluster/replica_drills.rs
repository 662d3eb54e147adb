//! Drills with a replica: they lose only what the replica did not have.

use mini_pra_tests::wait_until;
use serde_json::{Value, json};

use crate::drills::{drill, kept, nothing_refused_nothing_lost, told};
use crate::restore::all_is_back;
use crate::s3::Replicated;

#[track_caller]
fn lost_is_what_the_replica_lacked(report: &Value) {
    for event in report["lost_events"].as_array().unwrap() {
        assert_eq!(event["why"], "newer than what the replica had", "{event}");
    }
    let loss = &report["verdict"]["promises"][0];
    assert_eq!(
        (&loss["promise"], &loss["kept"]),
        (&json!("lost: only what the replica did not have yet"), &json!(true)),
        "{loss}"
    );
}

#[test]
fn a_lost_volume_costs_what_the_replica_lacked_and_wrong_data_is_taken_back_to_the_instant_before() {
    let replicated = Replicated::alone("loss");
    let pra = &replicated.pra;
    // Before anything is touched, it is seen that nothing could be restored.
    let encrypted = pra.pra(&["drill", "volume-loss", "--yes", "-o", "json"]);
    assert_eq!(encrypted.code, Some(1), "{encrypted:?}");
    assert!(encrypted.stdout.contains("are encrypted"), "{encrypted:?}");
    all_is_back(pra);

    replicated.gives_the_identity();
    for by in ["restore", "init"] {
        let report = drill(pra, &["volume-loss", "--by", by]);
        kept(&report);
        lost_is_what_the_replica_lacked(&report);
        all_is_back(pra);
    }

    let report = drill(pra, &["bad-write"]);
    kept(&report);
    nothing_refused_nothing_lost(&report);
    assert!(report["restore_point"]["file"].as_str().unwrap().contains('/'), "{}", report["restore_point"]);
    all_is_back(pra);
}

#[test]
fn a_lost_cluster_comes_back_from_the_object_store_alone_with_the_identity_given_by_hand() {
    let replicated = Replicated::alone("gone");
    let pra = &replicated.pra;
    replicated.writes_down(false);
    let uids = || {
        let claims = ["pra-data", "pra-backup"].map(|claim| pra.get(&["pvc", claim])["metadata"]["uid"].clone());
        let namespace = pra.get(&["namespace", pra.namespace()])["metadata"]["uid"].clone();
        [&claims[..], &[namespace]].concat()
    };
    let before = uids();
    let cluster_loss = ["drill", "cluster-loss", "--manifests", pra.folder(), "--yes", "-o", "json"];
    let refused = pra.pra(&cluster_loss);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("--identity FILE"), "{}", refused.stderr);
    assert_eq!(uids(), before);

    let picture = format!("{}/drill.svg", pra.folder());
    let said = pra.pra(&[&cluster_loss[..], &["--identity", &replicated.key(), "--svg", &picture]].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = told(pra, said.json());
    kept(&report);
    lost_is_what_the_replica_lacked(&report);
    assert!(std::fs::read_to_string(&picture).unwrap().contains("lose the namespace"));
    assert!(uids().iter().all(|uid| !before.contains(uid)), "something of before is still there");
    assert_ne!(pra.tries(&["get", "secret", "pra-identity"]).code, Some(0), "the identity is still in the cluster");
    all_is_back(pra);

    // What comes after it is replicated as well, and the next one would cost no more.
    pra.adds(&["after"]);
    replicated.gives_the_identity();
    replicated.reaches(jiff::Timestamp::now() - std::time::Duration::from_secs(1));
    wait_until("the volumes of before to go", || {
        let volumes = crate::kubectl::succeeds(&["get", "pv", "-o", "jsonpath={.items[*].spec.claimRef.uid}"]);
        before.iter().all(|uid| !volumes.contains(uid.as_str().unwrap()))
    });
}
