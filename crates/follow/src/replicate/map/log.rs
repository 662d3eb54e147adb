//! The page map's file: a log of transactions, each durable before it is shipped.
//!
//! | offset | size | header, 64 bytes; all numbers are little-endian |
//! |---|---|---|
//! | 0 | 8 | `PRA-MAP2` |
//! | 8 | 4 | page size |
//! | 12 | 4 | length of the epoch's name |
//! | 16 | 48 | the epoch's name, zeros to its end |
//!
//! | offset | size | record |
//! |---|---|---|
//! | 0 | 8 | CRC-64 of what follows |
//! | 8 | 4 | number of entries |
//! | 12 | 4 | 0: a transaction; 1: a whole map, which replaces what came before |
//! | 16 | 8 | TXID |
//! | 24 | 8 | time in ms since 1970 |
//! | 32 | 4 | size of the database in pages |
//! | 36 | 4 | its change counter |
//! | 40 | 4 | its schema cookie |
//! | 44 | 4 | zeros |
//! | 48 | 8 | length of the transaction's own file |
//! | 56 | 8 | CRC-64 of that file |
//! | 64 | 24 each | page number (8), checksum (8), TXID in which it was shipped (8) |
//!
//! The first record that is not whole ends the log. It was not shipped either: a file for the stores gets its name only
//! after its record is on the disk.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use disk::files::{self, Writer};
use pra_core::{Error, Result};

use super::{Content, Counters, Delta, PageMap, Shipped};

const LABEL: &str = "map";
const MAGIC: [u8; 8] = *b"PRA-MAP2";
const HEADER: usize = 64;
const NAME: usize = 48;
const RECORD: usize = 64;
const ENTRY: usize = 24;
const SUM: u64 = 8;
const TRANSACTION: u32 = 0;
const WHOLE: u32 = 1;

/// Bytes of a record that are in memory while it is written.
const PIECE: usize = 256 << 10;

/// A log shorter than this is never rewritten.
const SMALL: u64 = 1 << 20;

/// The open file.
#[derive(Debug)]
pub(in crate::replicate) struct MapLog {
    file: Writer,
    end: u64,
    /// Length of header and first whole map.
    base: u64,
}

impl MapLog {
    /// Makes the file anew, with all of `map` as its first record, and puts it in place of one that is there.
    pub(in crate::replicate) fn create(path: &Path, epoch: &str, map: &PageMap) -> Result<Self> {
        let temporary = files::with_suffix(path, ".new");
        files::remove(LABEL, &temporary)?;
        let file = Writer::create_shared(LABEL, &temporary)?;
        let header = header(map.page_size, epoch)?;
        file.write_at(&header, 0)?;
        let shipped = || (1..).zip(&map.pages).filter(|(_, page)| **page != Shipped::default());
        let entries = shipped().map(|(number, page): (u32, _)| (number, page.checksum, page.txid));
        let PageMap { txid, timestamp_ms, counters, file: content, .. } = *map;
        let count = shipped().count();
        let head = Head { count, kind: WHOLE, txid, timestamp_ms, commit: map.commit(), counters, content };
        let end = write(&file, header.len() as u64, &head, entries)?;
        files::publish(LABEL, file, path)?;
        Ok(Self { file: Writer::open(LABEL, path)?, end, base: end })
    }

    /// Reads the file. `None` where it is missing, of another epoch, or no map.
    pub(in crate::replicate) fn open(path: &Path, epoch: &str) -> Result<Option<(Self, PageMap)>> {
        let failed = |e| Error::io("read", path, e);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path, error)),
        };
        let length = file.metadata().map_err(failed)?.len();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut first = [0; HEADER];
        if !fill(&mut reader, &mut first).map_err(failed)? {
            return Ok(None);
        }
        let page_size = u32_at(&first, 8);
        if header(page_size, epoch)?.as_slice() != first {
            return Ok(None);
        }
        let mut map = PageMap::new(page_size);
        let (mut end, mut base) = (HEADER as u64, 0);
        while let Some(body) = record(&mut reader, length - end).map_err(failed)? {
            end += 8 + body.len() as u64;
            let is_whole = u32_at(&body, 4) == WHOLE;
            replay(&mut map, &body, is_whole);
            if is_whole {
                base = end;
            }
        }
        // What was shipped last is not known: the same as no map.
        if base == 0 {
            return Ok(None);
        }
        let file = Writer::open(LABEL, path)?;
        if end < length {
            file.truncate(end)?;
            file.sync()?;
        }
        Ok(Some((Self { file, end, base }, map)))
    }

    /// Adds a transaction; returns once it is on the disk.
    pub(in crate::replicate) fn append(&mut self, delta: &Delta) -> Result<()> {
        let Delta { txid, timestamp_ms, commit, ref pages, counters, file: content } = *delta;
        let head = Head { count: pages.len(), kind: TRANSACTION, txid, timestamp_ms, commit, counters, content };
        let entries = pages.iter().map(|(number, checksum)| (*number, *checksum, txid));
        let end = write(&self.file, self.end, &head, entries)?;
        self.file.sync()?;
        self.end = end;
        Ok(())
    }

    /// Whether it has grown so much that writing it anew pays.
    pub(in crate::replicate) fn wants_rewrite(&self) -> bool {
        self.end > SMALL + 2 * self.base
    }
}

fn header(page_size: u32, epoch: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEADER);
    bytes.extend(MAGIC);
    bytes.extend(page_size.to_le_bytes());
    bytes.extend(u32::try_from(epoch.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(epoch.bytes().take(NAME));
    bytes.resize(HEADER, 0);
    Ok(bytes)
}

/// The header before the entries of a record.
struct Head {
    count: usize,
    kind: u32,
    txid: u64,
    timestamp_ms: u64,
    commit: u32,
    counters: Counters,
    content: Content,
}

/// Writes a record at `start`, its checksum last, and returns where it ends.
fn write(file: &Writer, start: u64, head: &Head, entries: impl Iterator<Item = (u32, u64, u64)>) -> Result<u64> {
    let Head { count, kind, txid, timestamp_ms, commit, counters, content } = *head;
    let mut piece = Vec::with_capacity(PIECE.min(RECORD + count * ENTRY));
    piece.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    piece.extend(kind.to_le_bytes());
    piece.extend(txid.to_le_bytes());
    piece.extend(timestamp_ms.to_le_bytes());
    piece.extend(commit.to_le_bytes());
    piece.extend(counters.changes.to_le_bytes());
    piece.extend(counters.schema.to_le_bytes());
    piece.extend([0; 4]);
    piece.extend(content.bytes.to_le_bytes());
    piece.extend(content.checksum.to_le_bytes());
    let mut sum = ltx::digest();
    let mut end = start + SUM;
    let mut empty = |piece: &mut Vec<u8>| -> Result<()> {
        sum.update(piece);
        file.write_at(piece, end)?;
        end += piece.len() as u64;
        piece.clear();
        Ok(())
    };
    for (number, checksum, txid) in entries {
        piece.extend(u64::from(number).to_le_bytes());
        piece.extend(checksum.to_le_bytes());
        piece.extend(txid.to_le_bytes());
        if piece.len() + ENTRY > PIECE {
            empty(&mut piece)?;
        }
    }
    empty(&mut piece)?;
    file.write_at(&sum.finalize().to_le_bytes(), start)?;
    Ok(end)
}

/// The next record without its checksum; `None` where there is none that is whole. `left` bytes can be read.
fn record(reader: &mut impl Read, left: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = [0; RECORD];
    if !fill(reader, &mut head)? {
        return Ok(None);
    }
    let count = u64::from(u32_at(&head, 8));
    // A length that the file does not have is not worth its memory.
    let Some(size) = (count * ENTRY as u64).checked_add(RECORD as u64).filter(|size| *size <= left) else {
        return Ok(None);
    };
    let mut body = head[8..].to_vec();
    body.resize(usize::try_from(size).unwrap_or(usize::MAX) - 8, 0);
    if !fill(reader, &mut body[RECORD - 8..])? || ltx::checksum(&body) != u64_at(&head, 0) {
        return Ok(None);
    }
    Ok(Some(body))
}

fn replay(map: &mut PageMap, body: &[u8], is_whole: bool) {
    if is_whole {
        *map = PageMap::new(map.page_size);
    }
    (map.txid, map.timestamp_ms) = (u64_at(body, 8), u64_at(body, 16));
    map.counters = Counters { changes: u32_at(body, 28), schema: u32_at(body, 32) };
    map.file = Content { bytes: u64_at(body, 40), checksum: u64_at(body, 48) };
    map.resize(u32_at(body, 24));
    for entry in body[RECORD - 8..].chunks_exact(ENTRY) {
        // A number that is none is no page's.
        map.ship(u32::try_from(u64_at(entry, 0)).unwrap_or(0), u64_at(entry, 8), u64_at(entry, 16));
    }
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
