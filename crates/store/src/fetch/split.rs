//! The files one after the other, newest first: cut into batches of frames, each with the pages that are to be written.

use std::collections::HashMap;
use std::io::Read;
use std::sync::mpsc::SyncSender;

use ltx::{FrameReader, Header, Tail};
use pra_core::{Code, Error, Result};

use super::pieces::Pieces;
use super::{Object, Open};
use crate::buffers::{Buffers, Lent};

/// Frames in a row of one file, for a worker.
pub(super) struct Batch {
    /// The file, counted from the newest, and the batch within it.
    pub(super) place: (usize, usize),
    pub(super) page_size: u32,
    pub(super) frames: Lent,
    /// For each frame, whether its page is the newest version.
    pub(super) newest: Vec<bool>,
}

/// A batch is full with so many bytes, compressed or not.
const FULL: usize = 512 << 10;

/// Where batches go.
struct Batches<'a> {
    sender: &'a SyncSender<Batch>,
    buffers: Buffers,
}

impl Batches<'_> {
    fn begin(&self, place: (usize, usize), page_size: u32) -> Batch {
        let room = FULL + 2 * page_size as usize;
        Batch { place, page_size, frames: self.buffers.with_capacity(room), newest: Vec::new() }
    }

    fn send(&self, batch: Batch) -> Result<()> {
        self.sender.send(batch).map_err(|_closed| Error::new(Code::Failed, "the pages are not taken any more"))
    }
}

/// What is known once all files were split.
pub(super) struct Files {
    /// The newest file's.
    pub(super) header: Header,
    pub(super) tails: Vec<Tail>,
    pub(super) pages: Pages,
}

/// Splits `objects`, newest first.
pub(super) fn split(
    objects: &[Object],
    pieces: &Pieces,
    open: Option<&Open>,
    sender: &SyncSender<Batch>,
) -> Result<Files> {
    let (mut newest, mut tails) = (None::<Header>, Vec::new());
    let mut pages = Pages { limit: u32::MAX, ..Pages::default() };
    let batches = Batches { sender, buffers: Buffers::default() };
    for (at, object) in objects.iter().enumerate() {
        let split = split_one(at, object, newest.as_ref(), pieces, open, &mut pages, &batches);
        // The request's own failure says more than that reading failed.
        let (header, tail) = split.map_err(|error| pieces.failure().unwrap_or(error))?;
        newest.get_or_insert(header);
        tails.push(tail);
    }
    let header = newest.ok_or_else(|| Error::new(Code::Usage, "there are no files to restore from"))?;
    Ok(Files { header, tails, pages })
}

fn split_one(
    at: usize,
    object: &Object,
    newest: Option<&Header>,
    pieces: &Pieces,
    open: Option<&Open>,
    pages: &mut Pages,
    batches: &Batches<'_>,
) -> Result<(Header, Tail)> {
    let damaged = |error: ltx::Error| damaged(object, error);
    pieces.begin(object.size);
    let mut reader: Box<dyn Read> = Box::new(pieces.clone());
    if let Some(open) = open {
        reader = open(reader)?;
    }
    let mut frames = FrameReader::new(reader).map_err(damaged)?;
    let header = *frames.header();
    check(object, &header, newest)?;
    pages.limit = pages.limit.min(header.commit);

    let page_size = header.page_size;
    let most = FULL / page_size as usize;
    let mut batch = batches.begin((at, 0), page_size);
    while let Some(page) = frames.next_frame(&mut batch.frames).map_err(damaged)? {
        batch.newest.push(pages.lease(page));
        if batch.frames.len() >= FULL || batch.newest.len() >= most {
            let next = batches.begin((at, batch.place.1 + 1), page_size);
            batches.send(std::mem::replace(&mut batch, next))?;
        }
    }
    batches.send(batch)?;
    let tail = frames.tail().map_err(damaged)?;
    if pieces.is_left() {
        return Err(Error::new(Code::Damaged, format!("'{}' goes on behind its end", object.key)));
    }
    Ok((header, tail))
}

/// The header must be the one that the name promises.
fn check(object: &Object, header: &Header, newest: Option<&Header>) -> Result<()> {
    let wrong = |what: String| Err(Error::new(Code::Damaged, format!("'{}' {what}", object.key)));
    let transactions = (header.min_txid, header.max_txid);
    if transactions != object.transactions {
        return wrong(format!("holds transactions {:016x} to {:016x}", transactions.0, transactions.1));
    }
    match newest {
        Some(newest) if newest.page_size != header.page_size => {
            wrong(format!("has pages of {} bytes instead of {}", header.page_size, newest.page_size))
        }
        _ => Ok(()),
    }
}

/// An object that is not what was written.
pub(super) fn damaged(object: &Object, error: ltx::Error) -> Error {
    Error::new(Code::Damaged, format!("'{}' is damaged", object.key)).because(error)
}

/// The pages that have been met. Memory grows with them, and not with what a header leases.
#[derive(Default)]
pub(super) struct Pages {
    /// Pages above were cut off by a file that was read before: a newer one.
    limit: u32,
    met: HashMap<u32, [u64; 64]>,
    count: u64,
}

impl Pages {
    /// Whether the page that was just met is the newest version and is part of the database.
    fn lease(&mut self, page: u32) -> bool {
        if page > self.limit {
            return false;
        }
        let (word, bit) = place(page);
        let words = self.met.entry(page / 4096).or_insert([0; 64]);
        let new = words[word] & bit == 0;
        words[word] |= bit;
        self.count += u64::from(new);
        new
    }

    /// A page of the database that was in no file.
    pub(super) fn missing(&self, header: &Header) -> Option<u32> {
        let lock = ltx::lock_page(header.page_size);
        let expected = u64::from(header.commit) - u64::from(lock <= header.commit);
        if self.count == expected {
            return None;
        }
        let met = |page| self.met.get(&(page / 4096)).is_some_and(|words| words[place(page).0] & place(page).1 != 0);
        (1..=header.commit).find(|page| *page != lock && !met(*page))
    }
}

fn place(page: u32) -> (usize, u64) {
    ((page / 64 % 64) as usize, 1 << (page % 64))
}
