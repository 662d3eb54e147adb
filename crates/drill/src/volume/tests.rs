use super::*;
use serde_json::json;

#[test]
fn a_claim_is_made_again_as_it_was_written_and_free_of_its_volume() {
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": {
            "name": "pra-data", "namespace": "pra", "uid": "1", "resourceVersion": "2",
            "finalizers": ["kubernetes.io/pvc-protection"],
            "labels": { "app.kubernetes.io/name": "events" },
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "pv.kubernetes.io/bind-completed": "yes",
                "volume.kubernetes.io/selected-node": "one",
                "volume.beta.kubernetes.io/storage-provisioner": "local",
            },
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
            "storageClassName": "local-path", "volumeMode": "Filesystem", "volumeName": "pvc-1",
        },
        "status": { "phase": "Bound" },
    }))
    .unwrap();
    let expected = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "pra-data",
            "labels": { "app.kubernetes.io/name": "events" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
            "storageClassName": "local-path", "volumeMode": "Filesystem",
        },
    });
    assert_eq!(serde_json::to_value(as_written(&claim)).unwrap(), expected);
}
