//! A namespace that is lost with all its objects, and made again: its Secrets from memory, the identity as the operator
//! gave it, everything else from the manifests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::call::{self, call, find};
use cluster::{Cluster, workload};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use pra_core::{Code, Error, Result};
use tokio::time::{Instant, sleep};

use super::manifests::Manifests;
use super::volume;

/// The Secret that opens what is encrypted, where the manifests look for it: k8s/components/replica.
const IDENTITY: &str = "pra-identity";

/// Its key.
const KEY: &str = "identity";

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// What the namespace is made again from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Everything but Secrets.
    pub manifests: Manifests,
    /// The file of the identity, where the replica is encrypted.
    pub identity: Option<PathBuf>,
}

/// What the namespace is made again from, all of it in memory.
pub struct Rebuild {
    manifests: Manifests,
    secrets: Vec<Secret>,
    identity: Option<Secret>,
    /// Whether the identity was there before, so that it stays.
    identity_stays: bool,
    lost: AtomicBool,
}

impl std::fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("manifests", &self.manifests).finish_non_exhaustive()
    }
}

impl Rebuild {
    /// Reads what is to be remembered, and sees to it that the manifests bring `app` back.
    ///
    /// # Errors
    /// [`Code::Usage`] where they do not, or where the replica is encrypted and nothing would open it.
    pub async fn prepare(
        cluster: &Cluster,
        options: &Options,
        app: &str,
        claim: &str,
        encrypted: bool,
    ) -> Result<Self> {
        let Options { manifests, identity } = options;
        let identity = match identity {
            Some(path) => Some(secret(std::fs::read(path).map_err(|e| Error::io("read", path, e))?)),
            None if encrypted => {
                return Err(Error::new(Code::Usage, "the replica is encrypted, and no identity was given")
                    .hint("--identity FILE opens it, as `backup-job keygen` made it"));
            }
            None => None,
        };
        manifests.bring_back(cluster.namespace(), app, &[claim]).await?;
        let (there, secrets): (Vec<_>, Vec<_>) =
            secrets(cluster).await?.into_iter().partition(|secret| secret.name_any() == IDENTITY);
        if let (Some(there), Some(given)) = (there.first(), &identity)
            && there.data != given.data
        {
            return Err(Error::new(Code::Usage, format!("the Secret '{IDENTITY}' is not the identity that was given"))
                .hint(format!("give the same, or delete it first: kubectl delete secret {IDENTITY}")));
        }
        let (manifests, identity_stays) = (manifests.clone(), !there.is_empty());
        Ok(Self { manifests, secrets, identity, identity_stays, lost: AtomicBool::new(false) })
    }

    /// Puts the identity where restores look for it.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn lend_identity(&self, cluster: &Cluster) -> Result<()> {
        match &self.identity {
            Some(identity) => call::create(cluster, "secret", identity).await,
            None => Ok(()),
        }
    }

    /// Takes the identity away again, where it was not there before: a cluster needs none while all is well.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn take_identity(&self, cluster: &Cluster) -> Result<()> {
        if self.identity.is_none() || self.identity_stays {
            return Ok(());
        }
        volume::delete::<Secret>(cluster, "secret", IDENTITY, &DeleteParams::default()).await
    }

    /// Loses the namespace with all that is in it. Its pods are ended at once, as a disaster does.
    ///
    /// # Errors
    /// [`Code::Busy`] where it is still there after `limit`; else as [`call`].
    pub async fn lose(&self, cluster: &Cluster, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let name = cluster.namespace();
        self.lost.store(true, Ordering::Relaxed);
        find(&format!("delete namespace '{name}'"), || {
            let api: Api<Namespace> = Api::all(cluster.client().clone());
            async move { api.delete(name, &DeleteParams::background()).await.map(drop) }
        })
        .await?;
        while namespace(cluster).await?.is_some() {
            for pod in workload::pods(cluster, "").await? {
                let at_once = DeleteParams::default().grace_period(0);
                volume::delete::<Pod>(cluster, "pod", &pod.name_any(), &at_once).await?;
            }
            if Instant::now() >= deadline {
                return Err(Error::new(
                    Code::Busy,
                    format!("namespace '{name}' is still there after {} s", limit.as_secs()),
                )
                .hint(format!("`kubectl get namespace {name} -o yaml` says what holds it")));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Makes everything again. May be done again.
    ///
    /// # Errors
    /// As [`call`] and [`Manifests::apply`].
    pub async fn apply(&self, cluster: &Cluster) -> Result<()> {
        let metadata = ObjectMeta { name: Some(cluster.namespace().to_owned()), ..ObjectMeta::default() };
        let empty = Namespace { metadata, ..Namespace::default() };
        call(&format!("create namespace '{}'", cluster.namespace()), || {
            let (api, empty): (Api<Namespace>, _) = (Api::all(cluster.client().clone()), &empty);
            async move {
                match api.create(&PostParams::default(), empty).await {
                    Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
                    done => done.map(drop),
                }
            }
        })
        .await?;
        for secret in self.secrets.iter().chain(&self.identity) {
            call::create(cluster, "secret", secret).await?;
        }
        self.manifests.apply().await
    }

    /// Makes everything again where a drill has ended in the middle; does nothing where it has not lost anything yet.
    ///
    /// # Errors
    /// As [`Self::lose`] and [`Self::apply`].
    pub async fn bring_back(&self, cluster: &Cluster, limit: Duration) -> Result<()> {
        if !self.lost.load(Ordering::Relaxed) {
            return self.take_identity(cluster).await;
        }
        let there = namespace(cluster).await?;
        if there.is_some_and(|there| there.metadata.deletion_timestamp.is_some()) {
            self.lose(cluster, limit).await?;
        }
        self.apply(cluster).await
    }
}

async fn namespace(cluster: &Cluster) -> Result<Option<Namespace>> {
    let name = cluster.namespace();
    find(&format!("get namespace '{name}'"), || {
        let api: Api<Namespace> = Api::all(cluster.client().clone());
        async move { api.get(name).await }
    })
    .await
}

/// The Secrets that a user made, in the form in which they are created again.
async fn secrets(cluster: &Cluster) -> Result<Vec<Secret>> {
    let found = call(&format!("list the Secrets of namespace '{}'", cluster.namespace()), || {
        let api = cluster.api::<Secret>();
        async move { api.list(&ListParams::default()).await }
    })
    .await?;
    Ok(found.items.into_iter().filter(is_made_by_a_user).map(as_written).collect())
}

/// Not one that a controller makes, and will make again.
fn is_made_by_a_user(secret: &Secret) -> bool {
    secret.owner_references().is_empty() && secret.type_.as_deref() != Some("kubernetes.io/service-account-token")
}

fn as_written(secret: Secret) -> Secret {
    let Secret { metadata, data, immutable, type_, .. } = secret;
    let ObjectMeta { name, labels, annotations, .. } = metadata;
    let metadata = ObjectMeta { name, labels, annotations, ..ObjectMeta::default() };
    Secret { metadata, data, immutable, type_, string_data: None }
}

fn secret(identity: Vec<u8>) -> Secret {
    let data = BTreeMap::from([(KEY.to_owned(), ByteString(identity))]);
    let metadata = ObjectMeta { name: Some(IDENTITY.to_owned()), ..ObjectMeta::default() };
    Secret { metadata, data: Some(data), ..Secret::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_made_again_as_it_was_without_what_the_api_server_noted() {
        let secret = |more: serde_json::Value| -> Secret {
            let mut whole =
                json!({ "metadata": { "name": "a", "uid": "1", "resourceVersion": "2" }, "data": { "k": "dg==" } });
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(whole).unwrap()
        };
        let plain = secret(json!({ "type": "Opaque" }));
        assert!(is_made_by_a_user(&plain));
        let again = as_written(plain.clone());
        assert_eq!((again.metadata.uid, again.metadata.resource_version), (None, None));
        assert_eq!((again.metadata.name, again.data, again.type_), (plain.metadata.name, plain.data, plain.type_));
        assert!(!is_made_by_a_user(&secret(json!({ "type": "kubernetes.io/service-account-token" }))));
    }

    #[test]
    fn nothing_of_what_is_remembered_is_shown() {
        let manifests = Manifests { folder: PathBuf::from("k8s"), access: cluster::Access::default() };
        let identity = Some(secret(b"AGE-SECRET-KEY-1".to_vec()));
        let lost = AtomicBool::new(false);
        let rebuild = Rebuild { manifests, secrets: Vec::new(), identity, identity_stays: false, lost };
        let shown = format!("{rebuild:?}");
        assert!(!shown.contains("AGE") && shown.contains("k8s"), "{shown}");
    }
}
