//! Whether an application has replicas: what its replicator's environment says, as the manifests give it.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container};

use super::Cluster;
use super::call::find;
use crate::error::Result;

/// What an application's replicator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// Where the replicas are: `PRA_REPLICA`.
    pub urls: String,
    /// Whether they are sealed: `PRA_RECIPIENTS` is there.
    pub sealed: bool,
}

/// The replicas that a Deployment `replicator` feeds; `None` where it only keeps the log.
///
/// # Errors
/// As [`find`].
pub async fn of(cluster: &Cluster, replicator: &Deployment) -> Result<Option<Replicas>> {
    let pod = replicator.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let Some(container) = pod.and_then(|pod| pod.containers.first()) else { return Ok(None) };
    let mut environment = BTreeMap::new();
    for name in config_maps(container) {
        let found = find(&format!("get configmap '{name}'"), || {
            let api = cluster.api::<ConfigMap>();
            async move { api.get(name).await }
        })
        .await?;
        environment.extend(found.and_then(|configmap| configmap.data).unwrap_or_default());
    }
    // A variable of the container's own counts more.
    for variable in container.env.iter().flatten() {
        environment.insert(variable.name.clone(), variable.value.clone().unwrap_or_default());
    }
    Ok(read(&environment))
}

fn config_maps(container: &Container) -> impl Iterator<Item = &str> {
    let sources = container.env_from.iter().flatten();
    sources.filter_map(|source| Some(source.config_map_ref.as_ref()?.name.as_str()))
}

fn read(environment: &BTreeMap<String, String>) -> Option<Replicas> {
    let value = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    Some(Replicas { urls: value("PRA_REPLICA")?.to_owned(), sealed: value("PRA_RECIPIENTS").is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_replicator_without_a_url_has_no_replica_and_one_without_recipients_seals_nothing() {
        assert_eq!(read(&environment([("PRA_RECIPIENTS", "age1x")])), None);
        assert_eq!(read(&environment([("PRA_REPLICA", " ")])), None);
        let urls = "s3://a/b,file:///c".to_owned();
        let open = Replicas { urls: urls.clone(), sealed: false };
        assert_eq!(read(&environment([("PRA_REPLICA", &urls)])), Some(open.clone()));
        let sealed = environment([("PRA_REPLICA", &urls), ("PRA_RECIPIENTS", "age1x")]);
        assert_eq!(read(&sealed), Some(Replicas { sealed: true, ..open }));
    }
}
