//! Under the write lock: what was committed since the pass is compared again, and the safety copy follows.

use disk::sqlite::Shape;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::compare::Difference;
use super::safety_copy::SafetyCopy;
use super::source::Source;

/// Brings `difference` and `copy` from the snapshot of the pass to what `writer`'s transaction sees, where only
/// `candidates` (and pages beyond the size of then) can have changed.
pub(super) fn catch_up(
    writer: &Connection,
    now: Shape,
    candidates: &[u32],
    source: &Source,
    difference: &mut Difference,
    copy: &mut SafetyCopy,
) -> Result<()> {
    let then = difference.live;
    let lock_page = ltx::lock_page(now.page_size);
    if now.pages < then.pages {
        copy.shrink(now.pages)?;
    }
    let grown = then.pages.min(now.pages) + 1..=now.pages;
    let changed = candidates.iter().copied().filter(|page| *page < *grown.start());
    let mut read = PageReader::new(writer)?;
    for number in changed.chain(grown.clone()) {
        let live = read.page(number)?;
        copy.update(number, &live)?;
        if number <= source.shape.pages && number != 1 && number != lock_page {
            difference.pages.set(number, source.page(number)? != live);
        }
    }
    // What the database does not have (any more) is to be written.
    for number in (now.pages + 1..=then.pages.min(source.shape.pages)).filter(|page| *page != lock_page) {
        difference.pages.insert(number);
    }
    difference.pages.truncate(source.shape.pages);
    difference.live = now;
    Ok(())
}

/// Reads single pages through SQLite's own transaction.
#[derive(Debug)]
pub(super) struct PageReader<'a> {
    connection: &'a Connection,
    statement: rusqlite::Statement<'a>,
}

impl<'a> PageReader<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Self> {
        let statement = connection
            .prepare("SELECT data FROM sqlite_dbpage WHERE pgno = ?1")
            .map_err(|e| failed(connection, 0, e))?;
        Ok(Self { connection, statement })
    }

    /// The page's bytes; the lock page reads as zeros.
    pub(super) fn page(&mut self, number: u32) -> Result<Vec<u8>> {
        self.with(number, |page| page.to_vec())
    }

    /// What `look` makes of the page's bytes.
    pub(super) fn with<T>(&mut self, number: u32, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.statement
            .query_row([number], |row| Ok(look(row.get_ref(0)?.as_blob()?)))
            .map_err(|e| failed(self.connection, number, e))
    }
}

fn failed(connection: &Connection, number: u32, error: rusqlite::Error) -> Error {
    let path = connection.path().unwrap_or_default();
    match error {
        rusqlite::Error::QueryReturnedNoRows => {
            Error::new(Code::Damaged, format!("failed to read page {number} of '{path}'"))
        }
        error => disk::sqlite::failed("read a page of", std::path::Path::new(path), error),
    }
}
