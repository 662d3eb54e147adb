//! What is in the place that the restore will write.

use std::path::Path;
use std::time::Duration;

use disk::sqlite::{self, Shape};
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::source::Source;

/// At most so many pages are compared for an estimate: a few milliseconds.
const SAMPLE: u32 = 16_384;

/// The live database before a restore.
#[derive(Debug)]
pub(super) enum Live {
    /// No file.
    Missing,
    /// 0 bytes, or no page: nothing to keep.
    Empty,
    /// SQLite reads it.
    Readable(Readable),
    /// SQLite does not; the reason in words.
    Unreadable(String),
}

/// A database that can be read.
#[derive(Debug)]
pub(super) struct Readable {
    pub(super) shape: Shape,
    /// 1 UTF-8, 2 UTF-16le, 3 UTF-16be.
    pub(super) text_encoding: u32,
    connection: Connection,
}

/// Looks at the database at `path`.
///
/// # Errors
/// [`Code::Busy`] where it is locked for longer than `wait`; where its folder cannot be looked at.
pub(super) fn inspect(path: &Path, wait: Duration) -> Result<Live> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Live::Missing),
        Err(error) => return Err(Error::io("look at", path, error)),
        Ok(metadata) if metadata.len() == 0 => return Ok(Live::Empty),
        Ok(_) => {}
    }
    match read(path, wait) {
        Ok(live) => Ok(live),
        Err(error) if error.code() == Code::Busy => Err(error),
        Err(error) => Ok(Live::Unreadable(words(&error))),
    }
}

fn read(path: &Path, wait: Duration) -> Result<Live> {
    let connection = sqlite::open_live(path, wait)?;
    let begun = connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema");
    begun.map_err(|e| disk::sqlite::failed("read", path, e))?;
    let found = sqlite::shape(&connection).map_err(|e| disk::sqlite::failed("read", path, e))?;
    Ok(match found {
        None => Live::Empty,
        Some((shape, header)) => Live::Readable(Readable { shape, text_encoding: header.text_encoding, connection }),
    })
}

/// The error and its cause, as a reason.
fn words(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

/// How many pages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Differing {
    pub(super) pages: u64,
    /// Whether all pages were looked at, and not a sample.
    pub(super) exact: bool,
}

impl Readable {
    /// Compares a sample of the pages with the restore point's, evenly spread; all of them where they are few.
    pub(super) fn differing(&self, source: &Source) -> Result<Differing> {
        let failed = |e| disk::sqlite::failed("read a page of", source.path(), e);
        let both = self.shape.pages.min(source.shape.pages);
        let step = both.div_ceil(SAMPLE).max(1);
        let lock_page = ltx::lock_page(self.shape.page_size);
        let mut statement =
            self.connection.prepare("SELECT data FROM sqlite_dbpage WHERE pgno = ?1").map_err(failed)?;
        let (mut looked_at, mut differing) = (0_u64, 0_u64);
        // The first page always differs, in what SQLite changes on its own.
        for number in (2..=both).step_by(step as usize).filter(|page| *page != lock_page) {
            let wanted = source.page(number)?;
            let same = statement.query_row([number], |row| Ok(row.get_ref(0)?.as_blob()? == wanted)).map_err(failed)?;
            looked_at += 1;
            differing += u64::from(!same);
        }
        let missing = u64::from(source.shape.pages - both);
        let scaled = differing * u64::from(both) / looked_at.max(1);
        Ok(Differing { pages: if step == 1 { differing } else { scaled } + missing, exact: step == 1 })
    }
}
