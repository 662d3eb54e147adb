//! Writes one LTX file from a snapshot: a transaction, a compacted file or a whole database, encrypted where recipients
//! are set.

use std::io::{self, Write};

use crc_fast::Digest;
use disk::files::Writer;
use disk::snapshot;
use ltx::{Encoder, Header, NO_CHECKSUM};
use pra_core::{Code, Error, Result};
use store::encryption::{self, EncryptingWriter, Recipients};
use store::objects::Grower;

use super::compare;
use super::follower::Snapshot;
use super::map::Content;

/// Bytes that go to the file at a time.
const BUFFER: usize = 256 << 10;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first transaction in it.
    pub(super) min: u64,
    /// The last one: the snapshot's.
    pub(super) max: u64,
    /// When the snapshot was opened, in ms since 1970.
    pub(super) timestamp_ms: u64,
    /// LTX's checksum of the whole snapshot; 0 where it is not known beforehand.
    pub(super) checksum: u64,
}

/// Writes these pages of the snapshot to `to`, ascending. Does not sync.
///
/// # Errors
/// Where a page cannot be read or the file not be written.
pub(super) fn write(
    snapshot: &Snapshot,
    span: Span,
    pages: impl Iterator<Item = u32>,
    to: &Writer,
    recipients: Option<&Recipients>,
) -> Result<Content> {
    let mut encoder = encoder(snapshot, span, Sink::new(to, None), recipients)?;
    compare::each(snapshot, pages, |number, page| encoder.page(number, page).map_err(|e| unwritten(to, e)))?;
    finish(encoder, span, to)
}

/// Writes all pages of the snapshot to `to`, gives `written` their numbers and checksums, and tells `grower` what stands
/// there. Does not sync.
///
/// # Errors
/// As [`write`].
pub(super) fn write_whole(
    snapshot: &Snapshot,
    span: Span,
    to: &Writer,
    recipients: Option<&Recipients>,
    grower: Option<&Grower>,
    mut written: impl FnMut(u32, u64) + Send,
) -> Result<Content> {
    let mut encoder = encoder(snapshot, span, Sink::new(to, grower), recipients)?;
    let page_size = snapshot.shape.page_size as usize;
    let lock_page = ltx::lock_page(snapshot.shape.page_size);
    snapshot::raw_batches(snapshot.connection(), snapshot.shape, |first, pages| {
        for (number, page) in (first..).zip(pages.chunks_exact(page_size)).filter(|(number, _)| *number != lock_page) {
            encoder.page(number, page).map_err(|e| unwritten(to, e))?;
            written(number, ltx::page_checksum(number, page) | ltx::CHECKSUM_FLAG);
        }
        Ok(())
    })?;
    finish(encoder, span, to)
}

fn encoder<'a>(
    snapshot: &Snapshot,
    span: Span,
    sink: Sink<'a>,
    recipients: Option<&Recipients>,
) -> Result<Encoder<Out<'a>>> {
    let to = sink.to;
    let header = Header {
        // Where LTX has a place for them, Litestream refuses them.
        flags: NO_CHECKSUM,
        page_size: snapshot.shape.page_size,
        commit: snapshot.shape.pages,
        min_txid: span.min,
        max_txid: span.max,
        timestamp_ms: i64::try_from(span.timestamp_ms).unwrap_or(i64::MAX),
        post_apply_checksum: span.checksum,
        ..Header::default()
    };
    let out = match recipients {
        None => Out::Plain(sink),
        Some(recipients) => {
            Out::Encrypted(Box::new(encryption::encrypt(recipients, sink).map_err(|e| unwritten(to, e))?))
        }
    };
    Encoder::new(out, &header).map_err(|e| unwritten(to, e))
}

fn finish(encoder: Encoder<Out<'_>>, span: Span, to: &Writer) -> Result<Content> {
    let (out, _) = encoder.finish(span.checksum).map_err(|e| unwritten(to, e))?;
    let sink = match out {
        Out::Plain(sink) => sink,
        Out::Encrypted(encrypted) => encrypted.finish().map_err(|e| unwritten(to, e))?,
    };
    sink.finish()
}

fn unwritten(to: &Writer, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::Failed, format!("failed to write '{}'", to.path().display()))
        .because(source)
        .hint("if the disk is full, free some room: what is not shipped yet is shipped then")
}

/// The file, encrypted or not.
enum Out<'a> {
    Plain(Sink<'a>),
    Encrypted(Box<EncryptingWriter<Sink<'a>>>),
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sink) => sink.write(bytes),
            Self::Encrypted(encrypted) => encrypted.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gathers small writes.
struct Sink<'a> {
    to: &'a Writer,
    grower: Option<&'a Grower>,
    at: u64,
    checksum: Box<Digest>,
    buffer: Vec<u8>,
}

impl<'a> Sink<'a> {
    fn new(to: &'a Writer, grower: Option<&'a Grower>) -> Self {
        Self { to, grower, at: 0, checksum: Box::new(ltx::digest()), buffer: Vec::with_capacity(BUFFER) }
    }

    fn finish(mut self) -> Result<Content> {
        self.empty()?;
        Ok(Content { bytes: self.at, checksum: self.checksum.finalize() })
    }

    fn empty(&mut self) -> Result<()> {
        self.to.write_at(&self.buffer, self.at)?;
        self.checksum.update(&self.buffer);
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        if let Some(grower) = self.grower {
            grower.grown(self.at);
        }
        Ok(())
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == BUFFER {
            self.empty().map_err(io::Error::other)?;
        }
        // An index is long.
        let room = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
