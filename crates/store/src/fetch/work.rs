//! A worker: decompresses batches, sums them, and writes each page that is the newest version to its place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use disk::flush::Flusher;
use ltx::{PageSums, page_checksum};
use pra_core::{Code, Error, Result};

use super::Object;
use super::split::{Batch, damaged};

/// The file that all workers write to.
pub(super) struct Target<'a> {
    pub(super) file: &'a File,
    pub(super) flusher: Flusher,
    /// Who waits for the system's own lock on the file spins, and takes a core from those who have work.
    pub(super) one_at_a_time: Mutex<()>,
}

impl Target<'_> {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let _turn = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        self.flusher.write(self.file, bytes, offset)
    }
}

/// Where the workers take batches from, until one of them fails.
pub(super) struct Queue {
    batches: Mutex<Receiver<Batch>>,
    failed: AtomicBool,
}

impl Queue {
    pub(super) fn new(batches: Receiver<Batch>) -> Self {
        Self { batches: Mutex::new(batches), failed: AtomicBool::new(false) }
    }

    fn next(&self) -> Option<Batch> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        batches.recv().ok()
    }
}

/// What was summed.
#[derive(Default)]
pub(super) struct Sums {
    /// By place: of all frames of a batch.
    batches: BTreeMap<(usize, usize), PageSums>,
    /// XOR over the pages that were written.
    database: u64,
}

impl Sums {
    /// Adds what another worker has summed.
    pub(super) fn add(&mut self, other: Self) {
        self.batches.extend(other.batches);
        self.database ^= other.database;
    }

    /// Of all frames of a file.
    pub(super) fn file(&self, at: usize) -> PageSums {
        let mut sums = PageSums::default();
        self.batches.range((at, 0)..(at + 1, 0)).for_each(|(_, batch)| sums.append(batch));
        sums
    }

    /// The database checksum of what was written.
    pub(super) fn database(&self) -> u64 {
        self.database | ltx::CHECKSUM_FLAG
    }
}

/// Works until there are no more batches.
pub(super) fn work(queue: &Queue, objects: &[Object], target: &Target<'_>) -> Result<Sums> {
    let mut sums = Sums::default();
    let (mut numbers, mut pages) = (Vec::new(), Vec::new());
    while let Some(batch) = queue.next() {
        numbers.clear();
        pages.clear();
        let mut batch_sums = PageSums::default();
        let done = ltx::decode_frames(&batch.frames, batch.page_size, &mut numbers, &mut pages, &mut batch_sums);
        let done = done.map_err(|error| match objects.get(batch.place.0) {
            Some(object) => damaged(object, error),
            None => Error::new(Code::Damaged, "a file is damaged").because(error),
        });
        let written = done.and_then(|()| write(target, &batch, &numbers, &pages));
        sums.database ^= written.inspect_err(|_| queue.failed.store(true, Ordering::Relaxed))?;
        sums.batches.insert(batch.place, batch_sums);
    }
    Ok(sums)
}

/// Writes the newest pages in runs, and returns the XOR of their checksums.
fn write(target: &Target<'_>, batch: &Batch, numbers: &[u32], pages: &[u8]) -> Result<u64> {
    let page_size = batch.page_size as usize;
    let (mut sum, mut start) = (0, 0);
    while start < numbers.len() {
        let newest = |at: usize| batch.newest.get(at).copied().unwrap_or(false);
        if !newest(start) {
            start += 1;
            continue;
        }
        let follows = |at: &usize| newest(*at) && numbers[*at] == numbers[*at - 1] + 1;
        let end = (start + 1..numbers.len()).take_while(follows).last().map_or(start, |last| last) + 1;
        let run = &pages[start * page_size..end * page_size];
        for (number, page) in numbers[start..end].iter().zip(run.chunks(page_size)) {
            sum ^= page_checksum(*number, page);
        }
        let offset = u64::from(numbers[start] - 1) * u64::from(batch.page_size);
        target.write(run, offset).map_err(unwritten)?;
        start = end;
    }
    Ok(sum)
}

/// The database could not be written.
pub(super) fn unwritten(error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let failed = Error::new(Code::Failed, "failed to write the restored database").because(error);
    if full { failed.hint("the disk is full: free some room") } else { failed }
}
