//! A lease whose time is ahead of its store's clock: its age is found out by looking at it.

use std::time::Duration;

use pra_core::Result;
use tokio::time::Instant;

use super::held::read_lease;
use super::lease::{EXPIRES_AFTER, Writer};
use crate::Store;
use crate::objects::Revision;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// A lease that has not changed for as long as one binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchanged(pub(super) Revision);

/// Waits, where another's lease says that it was renewed in the future, until it changes or was not renewed for as long as
/// it is valid; by this process's monotonic clock. `None`: its time tells its age.
///
/// # Errors
/// Where the store cannot be read.
pub async fn observe(store: &Store, writer: &Writer) -> Result<Option<Unchanged>> {
    let mut seen: Option<(Revision, Instant)> = None;
    loop {
        let Some((lease, object)) = read_lease(store).await? else { return Ok(None) };
        let is_mine = lease.writer.id == writer.id && lease.writer.host == writer.host;
        if is_mine || lease.released || object.modified_ms <= store.now().await? {
            return Ok(None);
        }
        let since = match &seen {
            Some((revision, since)) if *revision == object.revision => *since,
            // It was renewed: its writer is alive, and the caller reports that.
            Some(_) => return Ok(None),
            None => Instant::now(),
        };
        if since.elapsed() >= EXPIRES_AFTER {
            return Ok(Some(Unchanged(object.revision)));
        }
        if seen.is_none() {
            tracing::warn!(
                replica = %store.url(), host = lease.writer.host,
                "the lease on the replica is from the future: whether it is renewed is seen in 90 s"
            );
        }
        seen = Some((object.revision, since));
        tokio::time::sleep(EVERY).await;
    }
}
