//! The manifests that bring an application back, applied as an operator would: with kubectl, which knows kustomize.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use cluster::Access;
use pra_core::{Code, Error, Result};
use serde_json::Value;

/// A folder for `kubectl apply -k`, and for which cluster.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// The folder.
    pub folder: PathBuf,
    /// Which cluster and which namespace, in kubectl's terms.
    pub access: Access,
}

impl Manifests {
    /// Applies them.
    ///
    /// # Errors
    /// [`Code::Failed`] with what kubectl said.
    pub async fn apply(&self) -> Result<()> {
        self.kubectl(&[]).await.map(drop)
    }

    /// Sees to it, by a dry run, that they are valid and bring back the Deployment `app` in `namespace`, with the
    /// claims `claims`.
    ///
    /// # Errors
    /// [`Code::Usage`] where they do not; as [`Self::apply`].
    pub async fn bring_back(&self, namespace: &str, app: &str, claims: &[&str]) -> Result<()> {
        let said = self.kubectl(&["--dry-run=server", "--output=json"]).await?;
        let list: Value = serde_json::from_slice(&said)
            .map_err(|e| Error::new(Code::Failed, "failed to read what kubectl would apply").because(e))?;
        let wanted = claims.iter().map(|claim| ("PersistentVolumeClaim", *claim)).chain([("Deployment", app)]);
        for (kind, name) in wanted {
            if !has(&list, namespace, kind, name) {
                let folder = self.folder.display();
                return Err(Error::new(
                    Code::Usage,
                    format!("the manifests in '{folder}' have no {kind} '{name}' of namespace '{namespace}'"),
                )
                .hint("name the folder that you apply with `kubectl apply -k`, with --manifests"));
            }
        }
        Ok(())
    }

    async fn kubectl(&self, more: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new("kubectl");
        let Access { kubeconfig, context, namespace } = &self.access;
        command.args(kubeconfig.iter().map(|path| format!("--kubeconfig={}", path.display())));
        command.args(context.iter().map(|name| format!("--context={name}")));
        command.args(namespace.iter().map(|name| format!("--namespace={name}")));
        command.arg("apply").arg("-k").arg(&self.folder).args(more).stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output()).await;
        let output = run.map_err(|e| Error::new(Code::Failed, "a thread for kubectl panicked").because(e))?;
        let output = output.map_err(|e| {
            Error::new(Code::Usage, "failed to run kubectl")
                .hint("it applies the manifests: put it on the PATH")
                .because(e)
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::new(Code::Failed, format!("kubectl failed to apply '{}': {said}", self.folder.display())))
    }
}

fn has(list: &Value, namespace: &str, kind: &str, name: &str) -> bool {
    let items = list.get("items").and_then(Value::as_array);
    items.into_iter().flatten().any(|item| {
        let metadata = |key: &str| item.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
        item.get("kind").and_then(Value::as_str) == Some(kind)
            && metadata("name") == Some(name)
            && metadata("namespace") == Some(namespace)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_of_another_namespace_kind_or_name_brings_nothing_back() {
        let object = json!({ "kind": "Deployment", "metadata": { "namespace": "pra", "name": "events" } });
        let list = json!({ "items": [object] });
        assert!(has(&list, "pra", "Deployment", "events"));
        assert!(!has(&list, "default", "Deployment", "events"));
        assert!(!has(&list, "pra", "StatefulSet", "events"));
        assert!(!has(&list, "pra", "Deployment", "other"));
    }
}
