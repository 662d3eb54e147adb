//! One restore at a time: the lock beside the database decides, the Lease names the holder.

use std::time::Duration;

use disk::lock::{self, Lock};
use k8s_openapi::api::coordination::v1::Lease;
use pra_core::{Code, Error, Result};
use tokio::time::Instant;

use super::Options;
use super::lease::{self, Holder};
use crate::Cluster;

/// Time between two tries.
const RETRY: Duration = Duration::from_millis(200);
/// How long a process that has taken the lock may take to sign the Lease.
const SIGNING: Duration = Duration::from_secs(3);

/// Takes the lock, and reads the Lease as the last holder left it.
///
/// A pod that was deleted by force may live on for a moment while the Job's next pod begins: it is waited for.
///
/// # Errors
/// [`Code::Busy`] where another restore is at work; [`Code::Usage`] where locks do not hold; else as
/// [`crate::call::call`].
pub(super) async fn acquire(cluster: &Cluster, options: &Options) -> Result<(Lock, Lease)> {
    let begun = Instant::now();
    loop {
        let busy = match lock::restore(&options.restore.database) {
            Ok(lock) => return Ok((lock, lease::get(cluster, &options.lease).await?)),
            Err(error) if error.code() == Code::Busy => error,
            Err(error) => return Err(error),
        };
        let holder = lease::holder(&lease::get(cluster, &options.lease).await?, lease::now());
        let patience = match &holder {
            Some(holder) if holder.identity == options.job.to_string() => options.restore.wait,
            Some(_) => Duration::ZERO,
            None => SIGNING,
        };
        if begun.elapsed() >= patience {
            return Err(at_work(cluster, options, holder).because(busy));
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn at_work(cluster: &Cluster, options: &Options, holder: Option<Holder>) -> Error {
    let message = match holder {
        Some(Holder { identity, since: Some(since) }) => {
            format!("another restore is at work: '{identity}' holds the lease '{}' since {since:.0}", options.lease)
        }
        Some(Holder { identity, since: None }) => {
            format!("another restore is at work: '{identity}' holds the lease '{}'", options.lease)
        }
        None => format!("another restore is at work; the lease '{}' does not say which", options.lease),
    };
    Error::new(Code::Busy, message).hint(format!(
        "wait for it to end, then run this again: kubectl -n {} get lease {}",
        cluster.namespace(),
        options.lease
    ))
}
