//! Makes one file from a snapshot and its place in the staging folder: the whole database, a transaction, or what is made anew.

use disk::files;
use disk::sqlite::Shape;
use pra_core::Result;
use store::encryption::Recipients;
use store::objects::{Grower, PART};

use super::compare;
use super::draft::{self, Span};
use super::engine::Options;
use super::epoch::Epoch;
use super::follower::{Candidates, Snapshot};
use super::levels::SNAPSHOT;
use super::map::{Delta, PageMap};
use super::outbox::{Early, Outbox};
use super::staging::{Name, Staged, Staging, require_room};

/// An epoch's first transaction: the whole database.
pub(super) struct First {
    pub(super) name: Name,
    pub(super) map: PageMap,
    /// Where it is large, stores may have parts of it already.
    pub(super) early: Option<Grower>,
}

/// Makes it.
pub(super) fn first(
    epoch: &mut Epoch,
    snapshot: &Snapshot,
    timestamp_ms: u64,
    options: &Options,
    outbox: &Outbox,
) -> Result<First> {
    let Shape { page_size, pages, .. } = snapshot.shape;
    let bytes = snapshot.shape.bytes();
    require_room(epoch.folder(), bytes)?;
    let name = Name { level: SNAPSHOT, min: 1, max: 1, encrypted: options.recipients.is_some() };
    let span = Span { min: 1, max: 1, timestamp_ms, checksum: 0 };
    let mut map = PageMap::first(page_size, timestamp_ms, pages, snapshot.counters);
    let (early, content) = drafted(&epoch.staging, name, |to| {
        let announce = || -> Result<Grower> {
            // What does not compress becomes a little larger.
            let (grower, file) = Grower::open(to.path(), bytes + bytes / 8)?;
            outbox.announce(Early { name, file, timestamp_ms });
            Ok(grower)
        };
        let early = (bytes > PART).then(announce).transpose()?;
        let shipped = |number, checksum| map.ship(number, checksum, 1);
        let recipients = options.recipients.as_deref();
        let content = draft::write_whole(snapshot, span, to, recipients, early.as_ref(), shipped)?;
        Ok((early, content))
    })?;
    map.written(content);
    Ok(First { name, map, early })
}

/// The next transaction; `None` where nothing differs.
pub(super) fn next(
    epoch: &Epoch,
    snapshot: &Snapshot,
    candidates: &Candidates,
    timestamp_ms: u64,
    options: &Options,
) -> Result<Option<(Name, Delta)>> {
    let txid = epoch.map.txid() + 1;
    let (commit, counters) = (snapshot.shape.pages, snapshot.counters);
    let mut delta = Delta { txid, timestamp_ms, commit, counters, ..Delta::default() };
    compare::differing(snapshot, candidates, &epoch.map, |number, _, checksum| {
        delta.pages.push((number, checksum));
        Ok(())
    })?;
    if delta.pages.is_empty() && delta.commit == epoch.map.commit() {
        return Ok(None);
    }
    let name = Name { level: 0, min: txid, max: txid, encrypted: options.recipients.is_some() };
    require_room(epoch.folder(), delta.pages.len() as u64 * u64::from(snapshot.shape.page_size))?;
    let span = Span { min: txid, max: txid, timestamp_ms, checksum: epoch.map.checksum_after(&delta) };
    let numbers = delta.pages.iter().map(|(number, _)| *number);
    let recipients = options.recipients.as_deref();
    delta.file = drafted(&epoch.staging, name, |to| draft::write(snapshot, span, numbers, to, recipients))?;
    Ok(Some((name, delta)))
}

/// A file that no map needs to know: `pages` as the snapshot has them, or all of them.
pub(super) fn make(
    staging: &Staging,
    name: Name,
    span: Span,
    snapshot: &Snapshot,
    pages: Option<Vec<u32>>,
    recipients: Option<&Recipients>,
) -> Result<Staged> {
    drafted(staging, name, |to| match pages {
        Some(pages) => draft::write(snapshot, span, pages.into_iter(), to, recipients),
        None => draft::write_whole(snapshot, span, to, recipients, None, |_, _| ()),
    })?;
    staging.publish(name, span.timestamp_ms)
}

/// Writes a `.part` and syncs it; where that fails, it is removed.
fn drafted<T>(staging: &Staging, name: Name, write: impl FnOnce(&files::Writer) -> Result<T>) -> Result<T> {
    let to = staging.begin(name)?;
    match write(&to).and_then(|made| to.sync().map(|()| made)) {
        Ok(made) => Ok(made),
        Err(error) => {
            drop(to);
            if let Err(left) = staging.give_up(name) {
                tracing::debug!(error = left.chain(), "the file is removed at the next start");
            }
            Err(error)
        }
    }
}
