use std::path::PathBuf;
use std::time::Duration;

use cluster::{Access, Cluster};
use drill::http::Token;
use drill::manifests::Manifests;
use drill::{Options, Prepared, Scenario, prepare, rebuild};
use pra_core::{Code, Error, Result};

/// The longest wait for one step: a lost replicator's lease expires after 90 s.
const LIMIT: Duration = Duration::from_secs(180);

/// What `cluster-loss` needs: it runs here and not in the cluster, which goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "cluster-loss")]
pub(crate) struct ClusterLoss {
    /// The folder that you apply with `kubectl apply -k`: the namespace is made again from it. Its Secrets are kept in
    /// memory
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,
    /// The identity that decrypts the replica, as `backup-job keygen` made it; it is in the cluster only during the
    /// restore
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The URL of the application, also after it was made again; through the API server by default
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Read the application's api_token from this file, with --url; without it, it is what PRA_API_TOKEN holds
    #[arg(long, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
}

impl ClusterLoss {
    /// Whether nothing of it was said.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { manifests, identity, url, api_token_file } = self;
        [manifests, identity, api_token_file].iter().all(|path| path.is_none()) && url.is_none()
    }

    /// Looks whether the drill may begin. Changes nothing.
    ///
    /// # Errors
    /// As [`prepare`].
    pub(crate) async fn prepare(self, cluster: Cluster, access: Access, app: Option<String>) -> Result<Prepared> {
        let Self { manifests, identity, url, api_token_file } = self;
        let folder = manifests.ok_or_else(|| {
            Error::new(Code::Usage, "nothing says what the namespace is to be made again from")
                .hint("--manifests DIR is what you apply with `kubectl apply -k`")
        })?;
        let access = Access { namespace: Some(cluster.namespace().to_owned()), ..access };
        let options = Options {
            scenario: Scenario::ClusterLoss,
            app,
            url,
            token: Token::find(api_token_file.as_deref())?,
            rate: 20,
            keep_alive: false,
            before: Duration::from_secs(5),
            after: Duration::from_secs(5),
            limit: LIMIT,
            rebuild: Some(rebuild::Options { manifests: Manifests { folder, access }, identity }),
        };
        prepare(cluster, options).await
    }
}
