//! Server-side apply under our own field manager: fields of other managers stay unchanged, and a second run changes
//! nothing.

use kube::api::{DynamicObject, Patch, PatchParams};
use pra_core::{Code, Error, Result};
use serde::Serialize;
use serde_json::Value;

use super::kinds::Object;
use super::plan::Plan;
use crate::Cluster;
use crate::call::{call, find};
use crate::kit::INSTANCE;
use crate::workload::MANAGER;

/// Kinds that are made once, since others change them: a claim grows, a restore writes into its Lease and ConfigMap.
const ONCE: [&str; 3] = ["PersistentVolumeClaim", "ConfigMap", "Lease"];

/// The outcome for an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was created.
    Created,
    /// Some of its fields were changed.
    Changed,
    /// It was unchanged.
    Unchanged,
    /// It was deleted.
    Deleted,
    /// It was kept on purpose.
    Kept,
}

/// An object and its outcome, or the outcome that a dry run predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `kind/name`.
    pub object: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Fields that changed, as JSON pointers.
    pub fields: Vec<String>,
}

/// Applies the plan; with `dry_run` the API server only says what would change.
///
/// # Errors
/// [`Code::Usage`] where fields belong to another manager, or an object to something else; else as [`call`]. The
/// workload is tried first, so that nothing is made where it cannot be patched.
pub async fn apply(cluster: &Cluster, plan: &Plan, dry_run: bool) -> Result<Vec<Change>> {
    let workload = Object::of(cluster, &plan.workload)?;
    patch(&workload, &plan.workload, true).await?;
    let mut changes = Vec::new();
    for manifest in &plan.kit {
        let object = Object::of(cluster, manifest)?;
        changes.push(part(&object, manifest, dry_run).await?);
    }
    let before = get(&workload).await?;
    let after = patch(&workload, &plan.workload, dry_run).await?;
    changes.push(change(&workload, before.as_ref(), &after));
    Ok(changes)
}

/// One object of the kit.
async fn part(object: &Object, manifest: &Value, dry_run: bool) -> Result<Change> {
    let before = get(object).await?;
    if let Some(before) = &before {
        let app = manifest["metadata"]["labels"][INSTANCE].as_str();
        if before.metadata.labels.as_ref().and_then(|labels| labels.get(INSTANCE)).map(String::as_str) != app {
            return Err(Error::new(Code::Usage, format!("{} is there already and is not of this kit", object.title()))
                .hint("rename or remove it: protection needs this name"));
        }
        if ONCE.contains(&object.kind.as_str()) {
            return Ok(Change { object: object.title(), outcome: Outcome::Unchanged, fields: Vec::new() });
        }
    }
    let after = patch(object, manifest, dry_run).await?;
    Ok(change(object, before.as_ref(), &after))
}

/// The object as it is.
pub(super) async fn get(object: &Object) -> Result<Option<DynamicObject>> {
    find(&format!("get {}", object.title()), || {
        let Object { name, api, .. } = object;
        async move { api.get(name).await }
    })
    .await
}

/// Server-side apply of one object.
pub(super) async fn patch(object: &Object, manifest: &Value, dry_run: bool) -> Result<DynamicObject> {
    let title = object.title();
    let params = PatchParams { dry_run, ..PatchParams::apply(MANAGER) };
    let answer = call(&format!("apply {title}"), || {
        let (Object { name, api, .. }, params) = (object, params.clone());
        async move {
            match api.patch(name, &params, &Patch::Apply(manifest)).await {
                // Not a failed request but an answer: told apart here, while the API server's words are at hand.
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(Err(status)),
                answer => answer.map(Ok),
            }
        }
    })
    .await?;
    answer.map_err(|status| conflict(&title, &status))
}

/// Fields that another manager owns, each in a line.
fn conflict(title: &str, status: &kube::core::Status) -> Error {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields: Vec<String> = causes.map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    if fields.is_empty() {
        return Error::new(Code::Busy, format!("failed to apply {title}: {}", status.message)).hint("try again");
    }
    Error::new(Code::Usage, format!("{title} has fields that another manager owns\n  {}", fields.join("\n  ")))
        .hint("nothing is taken from its owner: remove these fields there, or set them there to what is wanted")
}

fn change(object: &Object, before: Option<&DynamicObject>, after: &DynamicObject) -> Change {
    let fields = match before {
        Some(before) => {
            let mut fields = Vec::new();
            differences(&content(before), &content(after), &mut String::new(), &mut fields);
            fields
        }
        None => Vec::new(),
    };
    let outcome = match before {
        None => Outcome::Created,
        Some(_) if fields.is_empty() => Outcome::Unchanged,
        Some(_) => Outcome::Changed,
    };
    Change { object: object.title(), outcome, fields }
}

/// The object's desired state, without the fields that the API server sets.
pub(super) fn content(object: &DynamicObject) -> Value {
    let mut value = object.data.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
    }
    value["metadata"] =
        serde_json::json!({ "labels": object.metadata.labels, "annotations": object.metadata.annotations });
    value
}

/// The JSON pointers of what differs.
fn differences(before: &Value, after: &Value, at: &mut String, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    let pairs: Vec<(String, &Value, &Value)> = match (before, after) {
        (Value::Object(one), Value::Object(other)) => {
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().map(|key| (key.replace('/', "~1"), &before[key], &after[key])).collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).enumerate().map(|(index, (one, other))| (index.to_string(), one, other)).collect()
        }
        _ => return found.push(at.clone()),
    };
    for (key, before, after) in pairs {
        let length = at.len();
        at.push('/');
        at.push_str(&key);
        differences(before, after, at, found);
        at.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_named_by_the_fields_that_differ_and_only_by_them() {
        let before = json!({ "a": 1, "list": [{ "x": 1 }, { "x": 2 }], "same": true, "pra/x": 1 });
        let after = json!({ "a": 1, "list": [{ "x": 1 }, { "x": 3 }], "same": true, "new": {} });
        let mut found = Vec::new();
        differences(&before, &after, &mut String::new(), &mut found);
        assert_eq!(found, ["/list/1/x", "/new", "/pra~1x"]);
    }
}
