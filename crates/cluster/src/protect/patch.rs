//! The changes to the workload's own Deployment: an init container that restores an empty volume before the application
//! starts, and an affinity to the kit's pods on the node of the volume.

use k8s_openapi::api::apps::v1::Deployment;
use pra_core::Result;
use serde_json::{Value, json};

use super::template::{self, Settings};
use crate::kit::VOLUME;

/// The init container's name.
pub(super) const INIT: &str = "pra-init";

/// The options of the init container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Init {
    /// A first installation gets the event application's schema; else it is left to the application.
    pub(super) events_schema: bool,
    /// The journal mode stays as it is.
    pub(super) keep_journal_mode: bool,
    /// The whole pod gets the user, not the init container alone.
    pub(super) whole_pod: bool,
}

/// The fields of the Deployment that are ours, for server-side apply; and what could not be set.
pub(super) fn patch(settings: &Settings, init: Init, live: &Deployment) -> Result<(Value, Vec<String>)> {
    let Settings { names, workload, .. } = settings;
    let mut notes = Vec::new();
    let mut spec = json!({
        "initContainers": [init_container(settings, init)?],
        "volumes": [
            { "name": "pra-backup", "persistentVolumeClaim": { "claimName": names.backup_claim } },
            { "name": "pra-tmp", "emptyDir": {} },
        ],
    });
    let terms = template::affinity(&names.data_claim);
    if others_affinity(live, &terms) {
        notes.push(format!(
            "the Deployment requires an affinity of its own, which is left as it is: make sure that its pods run on the \
             node of claim '{}'",
            names.data_claim
        ));
    } else {
        spec["affinity"] = json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms } });
    }
    if init.whole_pod {
        spec["securityContext"] = template::security_context(settings)?;
    }
    let patch = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": names.app },
        "spec": { "template": { "metadata": { "labels": { VOLUME: workload.claim } }, "spec": spec } },
    });
    Ok((patch, notes))
}

fn init_container(settings: &Settings, init: Init) -> Result<Value> {
    let workload = &settings.workload;
    let mut container = template::init_container(settings)?;
    container["name"] = json!(INIT);
    if let Some(mounts) = container["volumeMounts"].as_array_mut() {
        for mount in mounts {
            let volume = match mount["name"].as_str() {
                Some("data") => workload.volume.as_str(),
                Some("backup") => "pra-backup",
                _ => "pra-tmp",
            };
            mount["name"] = json!(volume);
        }
    }
    if let Some(args) = container["args"].as_array_mut() {
        // The event application's manifest names its own schema.
        args.retain(|arg| init.events_schema || arg != "--schema=events");
        args.extend(init.keep_journal_mode.then(|| json!("--keep-journal-mode")));
    }
    // Its own, since the pod's may say nothing of it, and pod security `restricted` wants all of it said.
    let context = &mut container["securityContext"];
    context["runAsNonRoot"] = json!(workload.user != 0);
    context["runAsUser"] = json!(workload.user);
    context["runAsGroup"] = json!(workload.group);
    context["seccompProfile"] = json!({ "type": "RuntimeDefault" });
    Ok(container)
}

/// Whether the Deployment has required terms that are not ours: the list can have one owner only.
fn others_affinity(live: &Deployment, ours: &Value) -> bool {
    let terms = || {
        let pod = live.spec.as_ref()?.template.spec.as_ref()?;
        let affinity = pod.affinity.as_ref()?.pod_affinity.as_ref()?;
        affinity.required_during_scheduling_ignored_during_execution.clone()
    };
    let terms = terms().unwrap_or_default();
    !terms.is_empty() && json!(terms) != *ours
}
