//! What `kubectl apply` and `kubectl delete` do.

use mini_pra_tests::{root, wait_until};

use crate::installation::Installation;
use crate::kubectl::{kubectl, succeeds};
use crate::turn::Turn;

#[test]
fn a_second_apply_changes_nothing_and_a_delete_leaves_nothing() {
    // The RuntimeClass of the cluster goes with it, which other installations need.
    let pra = Installation::rendered_in("apply", Turn::alone());
    pra.install();
    let again = pra.apply();
    let changed: Vec<_> = again.lines().filter(|line| !line.ends_with(" unchanged")).collect();
    assert_eq!(changed, Vec::<&str>::new());

    succeeds(&["delete", "-k", pra.folder(), "--wait=true", "--timeout=120s"]);
    assert_ne!(kubectl(&["get", "namespace", pra.namespace()]).code, Some(0), "the namespace is still there");
    wait_until("the volumes to go", || {
        let volumes = succeeds(&["get", "persistentvolumes", "-o", "jsonpath={.items[*].spec.claimRef.namespace}"]);
        !volumes.split(' ').any(|namespace| namespace == pra.namespace())
    });
}

#[test]
fn the_manifests_of_each_overlay_are_what_the_api_server_knows() {
    // The SpinApp itself is known only where the operator is.
    let operator = kubectl(&["get", "crd", "spinapps.core.spinkube.dev"]).code == Some(0);
    for overlay in ["k3d", "container", "s3", "spinapp"] {
        let folder = root().join("k8s/overlays").join(overlay);
        let rendered = succeeds(&["kustomize", folder.to_str().unwrap()]);
        // A server-side dry run of a namespaced object needs its namespace.
        let pra = Installation::rendered(&format!("valid-{overlay}"));
        succeeds(&["create", "namespace", pra.namespace()]);
        let objects = rendered.replace("namespace: pra\n", &format!("namespace: {}\n", pra.namespace()));
        let objects: Vec<&str> =
            objects.split("\n---\n").filter(|object| operator || !object.contains("kind: SpinApp")).collect();
        assert!(objects.len() >= 20, "{} objects", objects.len());
        let arguments = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
        let said = crate::kubectl::run("kubectl", &arguments, &objects.join("\n---\n"));
        assert_eq!(said.code, Some(0), "{overlay}: {}", said.stderr);
        assert!(!said.stderr.contains("would violate PodSecurity"), "{overlay}: {}", said.stderr);
    }
}

#[test]
fn every_pod_is_restricted_and_has_a_token_only_where_it_asks_the_api() {
    let pra = Installation::new("pods");
    pra.backs_up("now");
    let namespace = pra.get(&["namespace", pra.namespace()]);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    let mut templates = pra.get(&["deployments"])["items"].as_array().unwrap().clone();
    for cronjob in pra.get(&["cronjobs"])["items"].as_array().unwrap() {
        let mut template = cronjob["spec"]["jobTemplate"].clone();
        template["metadata"] = cronjob["metadata"].clone();
        templates.push(template);
    }
    assert_eq!(templates.len(), 6);
    for template in templates {
        let name = template["metadata"]["name"].as_str().unwrap();
        let pod = &template["spec"]["template"]["spec"];
        let containers = [pod["containers"].as_array(), pod["initContainers"].as_array()];
        for container in containers.into_iter().flatten().flatten() {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
        }
        let asks_the_api = ["restore", "drill"].contains(&name);
        assert_eq!(pod["automountServiceAccountToken"] == false, !asks_the_api, "{name}");
    }
}

#[test]
fn all_pods_are_on_the_node_of_the_volume_also_where_there_are_several() {
    let pra = Installation::new("nodes");
    pra.starts("sqlite-backup", "now");
    pra.ends("now");
    let pods = pra.get(&["pods", "--selector", "pra-volume=pra-data"]);
    let mut nodes: Vec<_> =
        pods["items"].as_array().unwrap().iter().map(|pod| pod["spec"]["nodeName"].as_str().unwrap()).collect();
    assert!(nodes.len() >= 4, "{nodes:?}");
    nodes.dedup();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
}
