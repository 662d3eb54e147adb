//! Removes protection: our fields of the workload, then the kit. The backups stay by default.

use kube::api::DeleteParams;
use pra_core::Result;
use serde_json::json;

use super::apply::{Change, Outcome, content, get, patch};
use super::kinds::Object;
use super::names::Names;
use super::template;
use crate::Cluster;
use crate::call::find;
use crate::kit::INSTANCE;

/// Removes what [`super::apply`] made for the application `app`. What other manifests brought stays.
///
/// # Errors
/// As [`crate::call`].
pub async fn remove(cluster: &Cluster, app: &str, delete_backups: bool, dry_run: bool) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    changes.extend(release(cluster, app, dry_run).await?);
    for manifest in template::objects(&Names::of(app, "")?)? {
        let object = Object::of(cluster, &manifest)?;
        let keep = object.kind == "PersistentVolumeClaim" && !delete_backups;
        changes.extend(delete(&object, app, keep, dry_run).await?);
    }
    Ok(changes)
}

/// Gives up our fields of the Deployment; the API server removes those that no other manager owns.
async fn release(cluster: &Cluster, app: &str, dry_run: bool) -> Result<Option<Change>> {
    let nothing = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": app } });
    let object = Object::of(cluster, &nothing)?;
    let Some(before) = get(&object).await? else { return Ok(None) };
    let after = patch(&object, &nothing, dry_run).await?;
    let outcome = if content(&before) == content(&after) { Outcome::Unchanged } else { Outcome::Changed };
    Ok(Some(Change { object: object.title(), outcome, fields: Vec::new() }))
}

/// Deletes one object of the kit; `None` if it does not exist or does not belong to the kit.
async fn delete(object: &Object, app: &str, keep: bool, dry_run: bool) -> Result<Option<Change>> {
    let Some(found) = get(object).await? else { return Ok(None) };
    let label = found.metadata.labels.as_ref().and_then(|labels| labels.get(INSTANCE));
    if label.map(String::as_str) != Some(app) {
        return Ok(None);
    }
    if !keep {
        let params = DeleteParams { dry_run, ..DeleteParams::background() };
        find(&format!("delete {}", object.title()), || {
            let (Object { name, api, .. }, params) = (object, params.clone());
            async move { api.delete(name, &params).await.map(drop) }
        })
        .await?;
    }
    let outcome = if keep { Outcome::Kept } else { Outcome::Deleted };
    Ok(Some(Change { object: object.title(), outcome, fields: Vec::new() }))
}
