//! Making, renewing and releasing a lease.

use std::time::{Duration, Instant};

use pra_core::{Code, EpochId, Error, Result};

use super::document::LONGEST;
use super::lease::{FORMAT, Found, Lease, Standing, Writer, judge};
use super::{EXPIRES_AFTER, LEASE_KEY, Unchanged};
use crate::Store;
use crate::objects::{Object, Revision};

/// How often a lease is to be renewed: three times before it expires.
pub const RENEW_EVERY: Duration = Duration::from_secs(30);

/// Another writer may change the lease in between; the number of tries is limited.
const ATTEMPTS: u32 = 5;

/// How far a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// In this epoch.
    pub epoch: EpochId,
    /// The last transaction that it has.
    pub txid: u64,
    /// When that was the database's. Milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// A lease that is ours.
#[derive(Debug)]
pub struct Held {
    store: Store,
    lease: Lease,
    revision: Revision,
    /// When the last renewal that succeeded was sent.
    renewed: Instant,
}

/// The lease that a store holds, if any, and the object that it is.
///
/// # Errors
/// [`Code::Damaged`] where it cannot be understood.
pub async fn read_lease(store: &Store) -> Result<Option<(Lease, Object)>> {
    match store.read(LEASE_KEY, LONGEST).await {
        Ok((text, object)) => Ok(Some((FORMAT.decode(LEASE_KEY, &text)?, object))),
        Err(error) if error.code() == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Leases a store for `writer`, and tells what was there before.
///
/// # Errors
/// [`Code::Busy`] where another writes there, or another copy of this one, and `takeover` is not said.
pub async fn acquire(store: &Store, writer: &Writer, takeover: bool) -> Result<(Held, Found)> {
    acquire_from(store, writer, takeover, None).await
}

/// The same, where a lease that is from the future was found [`Unchanged`]: it has expired.
///
/// # Errors
/// As [`acquire`].
pub async fn acquire_from(
    store: &Store,
    writer: &Writer,
    takeover: bool,
    unchanged: Option<&Unchanged>,
) -> Result<(Held, Found)> {
    let session = rand::random();
    for _ in 0..ATTEMPTS {
        let now_ms = store.now().await?;
        let before = read_lease(store).await?;
        let found = match &before {
            None => Found::Nothing,
            Some((lease, object)) => {
                let age = match unchanged {
                    Some(Unchanged(revision)) if *revision == object.revision => EXPIRES_AFTER,
                    _ => Duration::from_millis(u64::try_from(now_ms.saturating_sub(object.modified_ms)).unwrap_or(0)),
                };
                match judge(lease, age, writer, takeover)? {
                    Standing::Mine => Found::Mine(lease.clone()),
                    Standing::Free => Found::Other(lease.clone()),
                }
            }
        };
        let lease = match &found {
            Found::Nothing => Lease {
                writer: writer.clone(),
                session,
                renewals: 0,
                epoch: None,
                head_txid: 0,
                head_timestamp_ms: 0,
                released: false,
            },
            // Its head still says what a restore can expect.
            Found::Mine(lease) | Found::Other(lease) => {
                Lease { writer: writer.clone(), session, renewals: 0, released: false, ..lease.clone() }
            }
        };
        let renewed = Instant::now();
        match make(store, &lease, before.map(|(_, object)| object.revision), now_ms).await {
            Ok(revision) => return Ok((Held { store: store.clone(), lease, revision, renewed }, found)),
            // Another writer was faster: look at the lease again.
            Err(error) if error.code() == Code::Busy => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(Code::Busy, format!("the lease on {} changes all the time", store.url()))
        .hint("several writers want this replica: let one of them have it"))
}

async fn make(store: &Store, lease: &Lease, before: Option<Revision>, now_ms: i64) -> Result<Revision> {
    let text = FORMAT.encode(lease)?;
    if before.is_some() {
        return store.put_lease(LEASE_KEY, text, before.as_ref()).await;
    }
    store.put_new(LEASE_KEY, text, now_ms).await?;
    match read_lease(store).await? {
        Some((found, object)) if found.session == lease.session => Ok(object.revision),
        _ => Err(Error::new(Code::Busy, "the lease was taken at once")),
    }
}

impl Held {
    /// As it was last written.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// How long it binds others yet, if their clocks are no faster than ours; zero once it may be taken.
    pub fn binds_for(&self) -> Duration {
        EXPIRES_AFTER.saturating_sub(self.renewed.elapsed())
    }

    /// Says that we are there, and how far; to be called every [`RENEW_EVERY`], and at once when an epoch begins.
    ///
    /// # Errors
    /// [`Code::Busy`] where it is another's by now: nothing must be written any more. After any other error it is
    /// still ours, as long as [`Self::binds_for`] says, and may be renewed again.
    pub async fn renew(&mut self, head: Head) -> Result<()> {
        let Head { epoch, txid, timestamp_ms } = head;
        let head = Lease { epoch: Some(epoch), head_txid: txid, head_timestamp_ms: timestamp_ms, ..self.lease.clone() };
        self.write(head).await
    }

    /// Says that we are done, so that another need not wait.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub async fn release(mut self) -> Result<()> {
        let released = Lease { released: true, ..self.lease.clone() };
        self.write(released).await
    }

    async fn write(&mut self, mut lease: Lease) -> Result<()> {
        lease.renewals = lease.renewals.saturating_add(1);
        let text = FORMAT.encode(&lease)?;
        // Also when it fails, it may have been written: no other renewal has this number.
        self.lease.renewals = lease.renewals;
        for _ in 0..ATTEMPTS {
            let sent = Instant::now();
            match self.store.put_lease(LEASE_KEY, text.clone(), Some(&self.revision)).await {
                Ok(revision) => {
                    (self.lease, self.revision, self.renewed) = (lease, revision, sent);
                    return Ok(());
                }
                Err(error) if error.code() == Code::Busy => self.revision = self.still_ours().await?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(Code::Failed, format!("{} does not tell the states of a lease apart", self.store.url())))
    }

    /// The revision of the lease, if it is ours: of a renewal that seemed to fail.
    async fn still_ours(&self) -> Result<Revision> {
        let lost = |how: String| {
            let error = Error::new(Code::Busy, format!("the lease on {} {how}", self.store.url()));
            error.hint("this writer has stopped; to begin a history of its own, start it with --takeover")
        };
        match read_lease(&self.store).await? {
            Some((found, object)) if found.session == self.lease.session => Ok(object.revision),
            Some((found, _)) => {
                let Writer { id, host, .. } = found.writer;
                Err(lost(format!("was taken by writer {id} on '{host}'")))
            }
            None => Err(lost("was removed".to_owned())),
        }
    }
}
