//! Removes from a store what retention lets go.

use std::time::Duration;

use jiff::Timestamp;
use replica::epoch::EpochId;
use replica::history::File;
use replica::layout;
use replica::retention::Retention;
use replica::store::Store;

/// How often, and what stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    /// Time between two looks: each costs a listing.
    pub(super) every: Duration,
    pub(super) retention: Retention,
}

impl Options {
    /// One look at an epoch.
    pub(super) async fn run(&self, store: &Store, epoch: &EpochId) -> replica::Result<()> {
        let scheme = store.url().scheme();
        let listed = layout::files(&store.list(&epoch.to_string()).await?, scheme, epoch);
        let files: Vec<File> = listed.iter().map(|(_, file)| *file).collect();
        let gone = self.retention.deletable(&files, Timestamp::now().as_millisecond());
        let keys: Vec<String> =
            listed.iter().filter(|(_, file)| gone.contains(file)).map(|(key, _)| key.key(scheme, epoch)).collect();
        store.delete(&keys).await?;
        if !keys.is_empty() {
            tracing::info!(replica = %store.url(), objects = keys.len(), kept = files.len() - keys.len(), "tidied");
        }
        Ok(())
    }
}
