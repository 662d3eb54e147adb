//! The overlay `s3`: a replica in an S3 store that outlives the application's namespace.

use std::time::Duration;

use jiff::Timestamp;
use mini_pra_tests::wait_for_within;
use serde_json::json;

use crate::installation::Installation;
use crate::restore::{all_is_back, choose};
use crate::s3::Replicated;

/// When the newest event was written, by the server's clock.
#[track_caller]
pub(crate) fn newest(replicated: &Replicated) -> Timestamp {
    replicated.pra.asks("/consultation")[0]["timestamp"].as_str().unwrap().parse().unwrap()
}

#[test]
fn an_instant_is_restored_from_the_replica_in_place_and_the_restore_can_be_undone_from_it() {
    let replicated = Replicated::new("instant");
    let pra = &replicated.pra;
    replicated.gives_the_identity();
    pra.adds(&["early"]);
    replicated.reaches(newest(&replicated));
    pra.adds(&["late"]);
    let late = newest(&replicated);
    let after = replicated.reaches(late);

    let before = late - Duration::from_millis(1);
    for (name, point, messages) in [("restore", before, &["early"][..]), ("undo", after, &["early", "late"])] {
        choose(pra, &point.to_string());
        let ended = pra.runs("restore", name);
        assert_eq!(ended.code, 0, "{}", ended.log);
        let report = ended.answer();
        assert_eq!(
            (&report["source"], &report["mode"], &report["verified"]),
            (&json!("replica"), &json!("in-place"), &json!(true))
        );
        assert_eq!(pra.messages(), messages);
        all_is_back(pra);
    }
}

#[track_caller]
fn loses_both_volumes(pra: &Installation) {
    // Told to go, the replicator uploads what is left.
    pra.kubectl(&["scale", "deployment/events", "deployment/replicator", "--replicas=0"]);
    pra.kubectl(&["wait", "pods", "--selector=pra-volume=pra-data", "--for=delete", "--timeout=60s"]);
    pra.kubectl(&["delete", "pvc", "pra-data", "pra-backup", "--wait=true", "--timeout=60s"]);
}

/// Waits for the log of an init that restored. It is tried again after 10 s, 20 s, 40 s.
#[track_caller]
fn init_restores(pra: &Installation) -> String {
    wait_for_within(Duration::from_secs(120), "init to restore", || {
        let logs = pra
            .pods()
            .into_iter()
            .map(|pod| pra.tries(&["logs", pod["metadata"]["name"].as_str().unwrap(), "--container=init"]).stdout);
        logs.into_iter().find(|log| log.contains("restored /data/app.db"))
    })
}

#[test]
fn with_the_store_out_of_reach_no_pod_starts_and_afterwards_all_is_restored() {
    let replicated = Replicated::new("reach");
    let pra = &replicated.pra;
    replicated.gives_the_identity();
    pra.adds(&["one", "two", "three"]);
    loses_both_volumes(pra);

    replicated.writes_down_what_is_out_of_reach();
    pra.apply();
    let refused = pra.init_fails();
    assert_eq!(refused.code, 6, "{}", refused.log);
    assert!(refused.log.contains(replicated.url()), "{}", refused.log);
    let events = pra.get(&["deployment", "events"]);
    assert_eq!(events["status"].get("readyReplicas"), None, "{}", events["status"]);

    replicated.writes_down(false);
    pra.apply();
    let restored = init_restores(pra);
    assert!(restored.contains("3 events"), "{restored}");
    pra.is_ready();
    pra.answers();
    assert_eq!(pra.messages(), ["one", "two", "three"]);
}

#[test]
fn with_both_volumes_gone_the_start_waits_for_the_identity_and_then_restores_from_the_replica() {
    let replicated = Replicated::new("both");
    let pra = &replicated.pra;
    pra.adds(&["one", "two", "three"]);
    loses_both_volumes(pra);

    replicated.writes_down(false);
    pra.apply();
    let refused = pra.init_fails();
    assert_eq!(refused.code, 2, "{}", refused.log);
    for words in [replicated.url(), "encrypted", "--identity"] {
        assert!(refused.log.contains(words), "'{words}' is not in\n{}", refused.log);
    }

    replicated.gives_the_identity();
    let restored = init_restores(pra);
    assert!(restored.contains("3 events"), "{restored}");
    pra.is_ready();
    pra.answers();
    assert_eq!(pra.messages(), ["one", "two", "three"]);

    // The restored database is replicated again, in an epoch of its own, without a command.
    pra.adds(&["after"]);
    replicated.reaches(newest(&replicated));
}
