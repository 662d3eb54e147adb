//! The Lease shows operators which restore runs, and carries its state. It is not the fence: the fence is the lock
//! beside the database, and a process writes the Lease only while it holds that lock.

use std::convert::Infallible;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::PostParams;
use pra_core::{Code, Error, Result};
use tokio::sync::Mutex;

use super::report::Report;
use super::state::{Identity, State};
use crate::Cluster;
use crate::call::call;

/// The annotation with the [`State`] of a restore under way.
pub const STATE: &str = "mini-pra/restore";
/// The annotation with the [`Report`] of the last one.
pub const LAST: &str = "mini-pra/last-restore";

/// Time between two renewals.
const RENEW: Duration = Duration::from_secs(5);
/// A Lease that was not renewed for so long has expired.
const DURATION_SECONDS: i32 = 15;
/// How long a renewal may take. A failed one does no harm.
const RENEW_PATIENCE: Duration = Duration::from_secs(4);
/// How often a change is tried while others write to the Lease.
const TRIES: u32 = 5;

/// A Lease that this process holds.
pub(super) struct Held<'a> {
    cluster: &'a Cluster,
    name: &'a str,
    lease: Mutex<Lease>,
}

/// Who holds the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// `holderIdentity`.
    pub(super) identity: String,
    /// `acquireTime`.
    pub(super) since: Option<Timestamp>,
}

/// Reads the Lease.
///
/// # Errors
/// As [`call`].
pub(super) async fn get(cluster: &Cluster, name: &str) -> Result<Lease> {
    call(&format!("get lease '{name}'"), || {
        let api = cluster.api::<Lease>();
        async move { api.get(name).await }
    })
    .await
}

/// The holder, if it renewed the Lease recently.
pub(super) fn holder(lease: &Lease, now: Timestamp) -> Option<Holder> {
    let spec = lease.spec.as_ref()?;
    let identity = spec.holder_identity.clone().filter(|identity| !identity.is_empty())?;
    let seen = spec.renew_time.as_ref()?.0;
    let limit = spec.lease_duration_seconds.unwrap_or(DURATION_SECONDS);
    (now.duration_since(seen).as_secs() <= i64::from(limit))
        .then(|| Holder { identity, since: spec.acquire_time.as_ref().map(|time| time.0) })
}

/// The state of an unfinished restore.
///
/// # Errors
/// [`Code::Usage`] where it cannot be read: it holds what is to be brought back, and is not overwritten.
pub(super) fn state(lease: &Lease) -> Result<Option<State>> {
    let Some(text) = lease.annotations().get(STATE) else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|e| {
        Error::new(Code::Usage, format!("failed to read the annotation {STATE} of lease '{}'", lease.name_any()))
            .hint("another version wrote it: bring back by hand what it names, then remove the annotation")
            .because(e)
    })
}

/// The report of the last restore, where one can be read.
pub(super) fn last(lease: &Lease) -> Option<Report> {
    serde_json::from_str(lease.annotations().get(LAST)?).ok()
}

/// The time now, in Kubernetes' type.
pub(super) fn now() -> Timestamp {
    Timestamp::from_microsecond(disk::clock::exact().as_microsecond()).unwrap_or_default()
}

impl<'a> Held<'a> {
    /// Takes the Lease. The caller holds the fence, so the holder that the Lease names is dead.
    ///
    /// # Errors
    /// As [`call`].
    pub(super) async fn take(cluster: &'a Cluster, name: &'a str, us: &Identity, lease: Lease) -> Result<Self> {
        let held = Self { cluster, name, lease: Mutex::new(lease) };
        let now = MicroTime(now());
        held.change("take", |lease| {
            let spec = lease.spec.get_or_insert_default();
            let identity = us.to_string();
            if spec.holder_identity.as_ref() != Some(&identity) {
                spec.lease_transitions = Some(spec.lease_transitions.unwrap_or(0).saturating_add(1));
            }
            spec.holder_identity = Some(identity);
            spec.acquire_time = Some(now.clone());
            spec.renew_time = Some(now.clone());
            spec.lease_duration_seconds = Some(DURATION_SECONDS);
        })
        .await?;
        Ok(held)
    }

    /// Records the progress.
    ///
    /// # Errors
    /// As [`call`].
    pub(super) async fn write(&self, state: &State) -> Result<()> {
        let text = to_json(state)?;
        self.change("write down the state on", |lease| {
            lease.annotations_mut().insert(STATE.to_owned(), text.clone());
        })
        .await
    }

    /// Removes the state, records the report, and releases the Lease.
    ///
    /// # Errors
    /// As [`call`].
    pub(super) async fn clear(&self, report: Option<&Report>) -> Result<()> {
        let report = report.map(to_json).transpose()?;
        self.change("let go of", |lease| {
            let annotations = lease.annotations_mut();
            annotations.remove(STATE);
            if let Some(report) = &report {
                annotations.insert(LAST.to_owned(), report.clone());
            }
            let LeaseSpec { lease_transitions, .. } = lease.spec.take().unwrap_or_default();
            lease.spec = Some(LeaseSpec { lease_transitions, ..LeaseSpec::default() });
        })
        .await
    }

    /// Renews the Lease for ever.
    pub(super) async fn renew(&self) -> Infallible {
        loop {
            tokio::time::sleep(RENEW).await;
            let mut lease = self.lease.lock().await;
            let mut wanted = lease.clone();
            wanted.spec.get_or_insert_default().renew_time = Some(MicroTime(now()));
            let api = self.cluster.api::<Lease>();
            let params = PostParams::default();
            match tokio::time::timeout(RENEW_PATIENCE, api.replace(self.name, &params, &wanted)).await {
                Ok(Ok(renewed)) => *lease = renewed,
                Ok(Err(error)) => tracing::warn!(%error, "failed to renew the lease"),
                Err(error) => tracing::warn!(%error, "failed to renew the lease"),
            }
        }
    }

    async fn change(&self, action: &str, change: impl Fn(&mut Lease)) -> Result<()> {
        let mut lease = self.lease.lock().await;
        for tried in 1.. {
            let mut wanted = lease.clone();
            change(&mut wanted);
            let written = call(&format!("{action} lease '{}'", self.name), || {
                let (api, wanted) = (self.cluster.api::<Lease>(), wanted.clone());
                async move { api.replace(self.name, &PostParams::default(), &wanted).await }
            })
            .await;
            match written {
                Ok(written) => {
                    *lease = written;
                    break;
                }
                // Another client annotated it, or the answer to our own write was lost.
                Err(error) if error.code() == Code::Busy && tried < TRIES => {
                    *lease = get(self.cluster, self.name).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(Code::Failed, "failed to write JSON").because(e))
}
