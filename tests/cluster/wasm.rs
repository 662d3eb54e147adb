//! What a Kubernetes with WebAssembly does to the other containers of a pod: the rest of the suite relies on this.

use crate::installation::Installation;
use crate::job::Job;

#[test]
fn beside_webassembly_no_container_has_the_environment_of_its_manifest() {
    let pra = Installation::new("wasm");
    let events = pra.get(&["deployment", "events"]);
    let class = events["spec"]["template"]["spec"]["runtimeClassName"].as_str();
    let job = Job::sabotage(&["environment", "PRA_OUTPUT"]).env("PRA_OUTPUT", "of the manifest").class(class);
    let ended = pra.runs_job("environment", &job);
    assert_eq!(ended.code, 0, "{}", ended.log);
    // In an ordinary pod it is there: so it is the shim that takes it away, or its test double.
    let given = ended.log.contains("PRA_OUTPUT=of the manifest");
    assert_eq!(given, class.is_none(), "in a pod of the class {class:?}: {}", ended.log);
}
