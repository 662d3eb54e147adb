//! Whether an application has replicas: what its replicator is told, by arguments and by the file of `--config`.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec};
use pra_core::Result;
use pra_core::configuration::Document;

use super::call::find;
use super::{Cluster, arguments};

/// What an application's replicator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// Where the replicas are: `--replica`.
    pub urls: String,
    /// Whether they are encrypted: there is a `--recipient`.
    pub encrypted: bool,
}

/// The replicas that a Deployment `replicator` feeds; `None` where it only keeps the log.
///
/// # Errors
/// As [`find`].
pub async fn of(cluster: &Cluster, replicator: &Deployment) -> Result<Option<Replicas>> {
    let pod = replicator.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let Some((pod, container)) = pod.and_then(|pod| Some((pod, pod.containers.first()?))) else { return Ok(None) };
    let mut document = Document::default();
    if let Some((name, file)) = configuration(pod, container) {
        let found = find(&format!("get configmap '{name}'"), || {
            let api = cluster.api::<ConfigMap>();
            async move { api.get(name).await }
        })
        .await?;
        let text = found.and_then(|configmap| configmap.data?.remove(file));
        document = Document::read(&text.unwrap_or_default());
    }
    Ok(read(container, &document))
}

/// The ConfigMap that holds the file of `--config`, and its key there.
fn configuration<'a>(pod: &'a PodSpec, container: &'a Container) -> Option<(&'a str, &'a str)> {
    let path = *arguments::values(container, "--config").first()?;
    let (folder, file) = path.rsplit_once('/')?;
    let mount = container.volume_mounts.iter().flatten().find(|mount| mount.mount_path == folder)?;
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
    Some((volume.config_map.as_ref()?.name.as_str(), file))
}

/// A flag of the container's own counts more.
fn read(container: &Container, document: &Document) -> Option<Replicas> {
    let told = |flag: &str, key: &str| {
        let said = arguments::values(container, flag);
        let said = if said.is_empty() { document.texts(key) } else { said };
        said.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let urls = told("--replica", "replica").join(",");
    (!urls.is_empty()).then(|| Replicas { urls, encrypted: !told("--recipient", "recipient").is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replicator_without_a_url_has_no_replica_and_one_without_recipients_encrypts_nothing() {
        let told = |args: &[&str], text: &str| {
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            read(&Container { args: Some(args), ..Container::default() }, &Document::read(text))
        };
        assert_eq!(told(&["replicate"], "recipient = \"age1x\""), None);
        assert_eq!(told(&["replicate"], "replica = \" \""), None);
        let open = Replicas { urls: "s3://a/b,file:///c".to_owned(), encrypted: false };
        assert_eq!(told(&[], "replica = [\"s3://a/b\", \"file:///c\"]"), Some(open.clone()));
        let encrypted = Replicas { encrypted: true, ..open };
        assert_eq!(told(&[], "replica = \"s3://a/b,file:///c\"\nrecipient = \"age1x\""), Some(encrypted.clone()));
        assert_eq!(told(&["--replica=s3://a/b,file:///c", "--recipient", "age1x"], ""), Some(encrypted));
    }
}
