//! Restore points in object stores.
//!
//! ```text
//! survey: lease, epochs, listings ─► choose: the epoch and the chain of files ─► fetch: a verified file
//! ```
//! A restore that would give less than was asked for is an error that names the flag that accepts it.

mod choose;
mod fetch;
mod survey;
mod window;

use std::future::Future;
use std::path::PathBuf;

use disk::catalog::status;
use pra_core::{Code, EpochId, Error, Result};
use store::objects::{Store, StoreOptions};
use store::plan::Accept;
use store::url::ReplicaUrl;

use crate::encrypted::Keys;

pub use choose::Choice;
pub(crate) use choose::{check_unopened, choose};
pub(crate) use fetch::fetch;
pub(crate) use survey::Survey;
pub use window::Window;
pub(crate) use window::windows;

/// Which stores, and how they are read.
#[derive(Clone)]
pub struct Access {
    /// The stores.
    pub replicas: Vec<ReplicaUrl>,
    /// Keys and time-outs.
    pub store: StoreOptions,
    /// The identity that decrypts files. Where it is given, a file that is not encrypted is refused.
    pub keys: Keys,
    /// Losses that are accepted.
    pub accept: Accept,
    /// This epoch, and not the newest.
    pub epoch: Option<EpochId>,
    /// The backup folder, whose catalog says how far each store was: so a missing end is detected.
    pub backups: Option<PathBuf>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("replicas", &self.replicas).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Access {
    /// The same, of one store alone.
    pub(crate) fn only(&self, replica: &ReplicaUrl) -> Self {
        Self { replicas: vec![replica.clone()], ..self.clone() }
    }

    /// Each store, opened; nothing is read yet.
    fn stores(&self) -> Result<Vec<Store>> {
        self.replicas.iter().map(|url| Store::open(url, &self.store)).collect::<pra_core::Result<_>>()
    }

    /// How far each store was, by the catalog; empty if there is no catalog, as on an empty cluster.
    fn recorded(&self) -> Vec<(String, EpochId, u64)> {
        let Some(backups) = &self.backups else { return Vec::new() };
        let replicas = match status::read(backups) {
            Ok(status) => status.replicas,
            Err(error) => {
                tracing::debug!(error = error.chain(), "the catalog does not say how far the replicas were");
                return Vec::new();
            }
        };
        let known = |replica: status::Replica| Some((replica.url, replica.epoch?.parse().ok()?, replica.txid));
        replicas.into_iter().filter_map(known).collect()
    }

    /// What every store has.
    ///
    /// # Errors
    /// Where one of them is out of reach, which is never the same as empty, unless that is accepted.
    pub(crate) fn surveys(&self, accept_unreachable: bool) -> Result<Vec<Survey>> {
        let stores = self.stores()?;
        let recorded = self.recorded();
        run(|| async {
            let mut surveys = Vec::with_capacity(stores.len());
            for store in stores {
                let url = store.url().to_string();
                let known = recorded.iter().find(|(known, ..)| *known == url).map(|(_, epoch, txid)| (*epoch, *txid));
                match Survey::read(store, self.epoch, known).await {
                    Ok(survey) => surveys.push(survey),
                    Err(error) if error.code() == Code::OutOfReach && accept_unreachable => {
                        tracing::warn!(error = error.chain(), "the replica is left aside");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(surveys)
        })
    }
}

/// Waits for a store; on a thread of its own, since the caller's may belong to another runtime.
fn run<T: Send, F: Future<Output = Result<T>>>(work: impl FnOnce() -> F + Send) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Failed, "failed to start the threads for the stores").because(e))?;
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work())).join())
        .map_err(|_panic| Error::new(Code::Failed, "a thread for the stores panicked"))?
}

#[cfg(test)]
mod tests;
