//! The rules of `init`, where they matter: a pod that starts beside an empty volume.

use crate::installation::Installation;

#[test]
fn an_empty_volume_is_restored_before_the_application_answers() {
    let pra = Installation::new("init");
    pra.adds(&["one", "two", "three"]);
    let point = pra.backs_up("now");
    pra.loses_its_volume();
    pra.comes_back();
    pra.answers();
    assert_eq!(pra.messages(), ["one", "two", "three"]);
    // Two pods began at once beside the empty volume: one restored, the other found what it had restored.
    let restored: Vec<String> = pra
        .pods()
        .iter()
        .map(|pod| pra.kubectl(&["logs", pod["metadata"]["name"].as_str().unwrap(), "--container=init"]))
        .filter(|log| log.contains(&point))
        .collect();
    assert_eq!(restored.len(), 1, "{restored:?}");
}

#[test]
fn a_first_installation_starts_empty_and_its_second_pod_keeps_what_the_first_made() {
    let pra = Installation::new("first");
    assert_eq!(pra.answers()["count"], 0);
    pra.adds(&["kept"]);
    pra.kubectl(&["rollout", "restart", "deployment/events"]);
    pra.is_ready();
    pra.answers();
    assert_eq!(pra.messages(), ["kept"]);
}
