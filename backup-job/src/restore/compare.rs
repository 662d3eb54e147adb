//! One pass over the live pages: they are compared with the restore point's and written into the safety copy.
//!
//! ```text
//! this thread: transaction ─ sqlite_dbpage ─► batches of 1 MiB ─► second thread: compare, write, checksums
//! ```

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use rusqlite::Connection;

use super::page_set::PageSet;
use super::safety_copy::SafetyCopy;
use super::source::Source;
use crate::error::{Code, Error, Result};
use crate::model::checksum::DatabaseChecksum;
use crate::model::header;
use crate::progress::Progress;
use crate::snapshot;
use crate::sqlite::Shape;

/// Bytes handed from one thread to the other at a time.
const BATCH: usize = 1 << 20;
/// Batches under way at most: with [`BATCH`] the bound on memory.
const BATCHES: usize = 4;

/// What a pass, and what was looked at since, has found.
#[derive(Debug)]
pub(super) struct Difference {
    /// Pages, but for the first, whose content is not the restore point's; none above the restore point's size.
    pub(super) pages: PageSet,
    /// The live database as it was compared.
    pub(super) live: Shape,
}

/// Compares all pages that `connection`'s transaction sees, writing them to `copy`.
///
/// # Errors
/// [`Code::VerificationFailed`] where the restore point is not what was verified any more.
pub(super) fn pass(connection: &Connection, live: Shape, source: &Source, copy: &mut SafetyCopy) -> Result<Difference> {
    let progress = Progress::bytes("comparing", live.bytes());
    let (full, filled) = sync_channel(BATCHES);
    let (empty, emptied) = channel();
    let shown = &progress;
    let pages = std::thread::scope(|scope| {
        let comparing = scope.spawn(move || compare(source, copy, &filled, &empty, shown));
        let reading = read_batches(connection, live, full, &emptied);
        let compared = comparing.join().map_err(|_panic| Error::new(Code::Failed, "the comparing thread panicked"))?;
        // Where comparing failed, reading ended early, and that error is the one to report.
        let pages = compared?;
        reading?;
        Ok(pages)
    })?;
    progress.finish();
    Ok(Difference { pages, live })
}

fn read_batches(
    connection: &Connection,
    shape: Shape,
    full: SyncSender<Vec<u8>>,
    emptied: &Receiver<Vec<u8>>,
) -> Result<()> {
    let fresh = || emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH + shape.page_size as usize));
    let stopped = || Error::new(Code::Failed, "the comparing thread has stopped");
    let mut batch = fresh();
    snapshot::for_each_page(connection, shape, |number, page| {
        batch.extend_from_slice(page);
        if number == 1 {
            header::set_journal_mode(&mut batch, false);
        }
        if batch.len() >= BATCH {
            full.send(std::mem::replace(&mut batch, fresh())).map_err(|e| stopped().because(e.to_string()))?;
        }
        Ok(())
    })?;
    full.send(batch).map_err(|e| stopped().because(e.to_string()))
}

fn compare(
    source: &Source,
    copy: &mut SafetyCopy,
    filled: &Receiver<Vec<u8>>,
    empty: &Sender<Vec<u8>>,
    progress: &Progress,
) -> Result<PageSet> {
    let mut wanted = Wanted::new(source);
    for mut batch in filled {
        copy.append(&batch)?;
        wanted.compare(&batch)?;
        progress.add(batch.len() as u64);
        batch.clear();
        if empty.send(batch).is_err() {
            tracing::debug!("the reading thread needs no more buffers");
        }
    }
    wanted.finish()
}

/// The restore point's pages, read once in ascending order beside the live ones.
struct Wanted<'a> {
    source: &'a Source,
    next: u32,
    buffer: Vec<u8>,
    sum: DatabaseChecksum,
    differing: PageSet,
}

impl<'a> Wanted<'a> {
    fn new(source: &'a Source) -> Self {
        let sum = DatabaseChecksum::new(source.shape.page_size);
        Self { source, next: 1, buffer: Vec::new(), sum, differing: PageSet::default() }
    }

    fn compare(&mut self, live: &[u8]) -> Result<()> {
        let size = self.source.shape.page_size as usize;
        let first = self.read(live.len() / size)?;
        let lock_page = header::lock_page(self.source.shape.page_size);
        let pairs = self.buffer.chunks_exact(size).zip(live.chunks_exact(size));
        for (number, (wanted, live)) in (first..).zip(pairs) {
            self.sum.add(number, wanted);
            if number != 1 && number != lock_page && wanted != live {
                self.differing.insert(number);
            }
        }
        Ok(())
    }

    /// Reads on past the end of the live database: those pages are all missing there.
    fn finish(mut self) -> Result<PageSet> {
        let size = self.source.shape.page_size as usize;
        let lock_page = header::lock_page(self.source.shape.page_size);
        while self.next <= self.source.shape.pages {
            let first = self.read((BATCH / size).max(1))?;
            for (number, wanted) in (first..).zip(self.buffer.chunks_exact(size)) {
                self.sum.add(number, wanted);
                if number != lock_page {
                    self.differing.insert(number);
                }
            }
        }
        self.source.require_same(self.sum.finish())?;
        Ok(self.differing)
    }

    /// Fills the buffer with up to `pages` more pages, and returns the number of the first.
    fn read(&mut self, pages: usize) -> Result<u32> {
        let first = self.next;
        let left = (self.source.shape.pages + 1 - first) as usize;
        let pages = pages.min(left);
        self.buffer.resize(pages * self.source.shape.page_size as usize, 0);
        self.source.read_pages(first, &mut self.buffer)?;
        // At most what is left of a u32.
        self.next += u32::try_from(pages).unwrap_or(u32::MAX);
        Ok(first)
    }
}
