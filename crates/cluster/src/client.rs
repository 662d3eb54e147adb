//! The address of the API server, and our credentials.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use pra_core::{Code, Error, Result};

/// How long a connection to the API server may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach a cluster, in kubectl's terms. Nothing set: as kubectl does it, or as a pod does.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The kubeconfig to read; none: `KUBECONFIG`, then `~/.kube/config`, then the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; none: its current one.
    pub context: Option<String>,
    /// The namespace; none: the context's, or the pod's own.
    pub namespace: Option<String>,
}

/// A namespace of a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    namespace: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads the configuration. No request is made yet.
    ///
    /// # Errors
    /// [`Code::Usage`] where there is none, or none that can be read.
    pub async fn connect(access: &Access) -> Result<Self> {
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let config = match (&access.kubeconfig, &access.context) {
            (Some(path), _) => {
                let kubeconfig = Kubeconfig::read_from(path).map_err(no_configuration)?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(no_configuration)
            }
            (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(no_configuration),
            (None, None) => Config::infer().await.map_err(no_configuration),
        };
        let mut config = config?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = access.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(no_configuration)?;
        Ok(Self::new(client, namespace))
    }

    /// For an existing client: tests bring their own.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self { client, namespace: namespace.into() }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The client, for what is not in the namespace.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The objects of one kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

fn no_configuration(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(Code::Usage, "failed to read how to reach the cluster")
        .hint(
            "set KUBECONFIG or --kubeconfig and --context, as for kubectl; in a pod, mount its service account's token",
        )
        .because(error)
}

/// The only entry to async code: runs `work` to its end on this thread. (SQLite and sync never run on it: see
/// [`tokio::task::spawn_blocking`].)
///
/// # Errors
/// The work's own, or that of the operating system.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Failed, "failed to start the runtime").because(e))?;
    runtime.block_on(work)
}
