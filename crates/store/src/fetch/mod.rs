//! A chain of LTX files → a database file, every page written once, everything verified.
//!
//! ```text
//! requests, newest file first,     splitter: decrypts,       workers: decompress, sum,
//! a few ahead, in order       ──►  splits frames, drops pages  ──► write runs of pages where
//!      (async)                     that a newer file has           they belong
//!                                       (one thread)                     │   └──► flusher: to the disk meanwhile
//!                    file checksums, missing pages, database checksum ◄──┘
//! ```
//!
//! Memory is bounded by what is on its way: the requests ahead and a few batches. Of each page only the newest version
//! is written: the one in the file with the largest TXID, and none that a later shrinking has cut off.

mod pieces;
mod split;
mod work;

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use disk::flush::Flusher;
use ltx::Header;
use pra_core::{Code, Error, Result};

use crate::objects::Store;
use pieces::Pieces;
use split::{Files, damaged, split};
use work::{Queue, Sums, Target, unwritten, work};

/// Where objects are read from.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The bytes `range` of the object `key`, all of them.
    ///
    /// # Errors
    /// [`Code::NotFound`] where there is no such object (any more).
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes>;
}

#[async_trait]
impl Objects for Store {
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        Self::get_range(self, key, range).await
    }
}

/// One file of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes, as the listing has it.
    pub size: u64,
    /// The transactions that its name promises, first and last.
    pub transactions: (u64, u64),
}

/// Decrypts of an object: what is read from the result is the LTX file.
pub type Open = Arc<dyn Fn(Box<dyn Read>) -> Result<Box<dyn Read>> + Send + Sync>;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Requests on their way.
    pub requests: usize,
    /// Bytes of a request.
    pub piece: u64,
    /// Threads that decompress and write.
    pub workers: usize,
}

impl Default for Options {
    /// 4 requests of 2 MiB each, and a thread for each core. (More or smaller ones cost a server on the same machine a
    /// fifth of the time; larger ones only memory.)
    fn default() -> Self {
        let workers = thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self { requests: 4, piece: 2 << 20, workers }
    }
}

/// What was fetched, and what it was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The database's page size in bytes.
    pub page_size: u32,
    /// The database's size in pages.
    pub pages: u32,
    /// The last transaction in it.
    pub txid: u64,
    /// The time of that transaction, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The database checksum of what was written.
    pub checksum: u64,
    /// Whether the last file carries a checksum of the whole database, which then was this one. Litestream's carry
    /// none: their files were verified, each for itself.
    pub checksum_carried: bool,
}

/// Fetches `chain`, a base and what continues it, into `file`, which is empty. `open` is there where objects are
/// encrypted. Nothing in `file` is to be used unless this succeeds; it is synced then.
///
/// # Errors
/// [`Code::NotFound`] where an object has vanished: plan again, once. [`Code::Damaged`] where anything is not as it was
/// written or promised. What the store and `open` say goes on as it is. A failure to write is [`Code::Failed`].
pub async fn fetch(
    objects: &dyn Objects,
    chain: &[Object],
    open: Option<Open>,
    file: File,
    options: &Options,
) -> Result<Fetched> {
    check(chain)?;
    let newest_first: Vec<_> = chain.iter().rev().cloned().collect();
    let (sender, pieces) = pieces::channel();
    let apply = {
        let (objects, workers) = (newest_first.clone(), options.workers.max(1));
        tokio::task::spawn_blocking(move || apply(&objects, &pieces, open.as_ref(), &file, workers))
    };
    pieces::send(objects, &newest_first, options, sender).await;
    apply.await.map_err(|error| Error::new(Code::Failed, "failed to put the files together").because(error))?
}

/// Each file must lead on from the one before, the first from nothing.
fn check(chain: &[Object]) -> Result<()> {
    let mut reached = 0;
    for object in chain {
        let (min, max) = object.transactions;
        if min == 0 || min - 1 > reached || max <= reached {
            let message = format!("'{}' does not lead on from transaction {reached:016x}", object.key);
            return Err(Error::new(Code::Usage, message));
        }
        reached = max;
    }
    Ok(())
}

/// The blocking half: the splitter in this thread, the workers beside it.
fn apply(objects: &[Object], pieces: &Pieces, open: Option<&Open>, file: &File, workers: usize) -> Result<Fetched> {
    let (sender, receiver) = mpsc::sync_channel(workers);
    let queue = Arc::new(Queue::new(receiver));
    let target = Target { file, flusher: Flusher::default(), one_at_a_time: Mutex::default() };
    let (split, sums) = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                // Once the last worker has gone, the splitter is told.
                let (queue, target) = (Arc::clone(&queue), &target);
                scope.spawn(move || work(&queue, objects, target))
            })
            .collect();
        drop(queue);
        let split = split(objects, pieces, open, &sender);
        drop(sender);
        let died = || Error::new(Code::Failed, "a thread that writes pages has died");
        let done = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_panic| Err(died())));
        (split, done.collect::<Result<Vec<_>>>())
    });
    // Where a worker fails, the splitter only knows that it was not listened to.
    let mut all = Sums::default();
    sums?.into_iter().for_each(|sums| all.add(sums));
    let fetched = verify(objects, &split?, &all)?;
    let size = u64::from(fetched.pages) * u64::from(fetched.page_size);
    target.flusher.finish().and_then(|()| file.set_len(size)).and_then(|()| file.sync_all()).map_err(unwritten)?;
    Ok(fetched)
}

/// Holds what was written against the files' checksums, their pages and the database checksum.
fn verify(objects: &[Object], files: &Files, sums: &Sums) -> Result<Fetched> {
    let Header { page_size, commit, max_txid, timestamp_ms, .. } = files.header;
    let mut carried = None;
    for (at, (object, tail)) in objects.iter().zip(&files.tails).enumerate() {
        let trailer = tail.verify(&sums.file(at)).map_err(|error| damaged(object, error))?;
        carried = carried.or(Some(trailer.post_apply_checksum));
    }
    if let Some(page) = files.pages.missing(&files.header) {
        return Err(Error::new(Code::Damaged, format!("page {page} is in none of the files")));
    }
    let checksum = sums.database();
    let carried = carried.filter(|carried| *carried != 0);
    if let Some(expected) = carried.filter(|carried| *carried != checksum) {
        let what = format!("the restored database has the checksum {checksum:016x} instead of {expected:016x}");
        return Err(Error::new(Code::Damaged, what));
    }
    Ok(Fetched {
        page_size,
        pages: commit,
        txid: max_txid,
        timestamp_ms,
        checksum,
        checksum_carried: carried.is_some(),
    })
}
