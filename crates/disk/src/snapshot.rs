//! Copies a live database through SQLite's own snapshot.
//!
//! ```text
//! this thread: transaction ─ sqlite_dbpage ─► batches of 256 KiB ─► second thread: checksum, write, compare
//! ```
//! The copy equals the database in content; its page 1 says rollback journal (bytes 18 and 19), so that it can be
//! opened on its own and on a read-only mount.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use ltx::DatabaseChecksum;
use pra_core::checksum::Checksums;
use pra_core::{Code, Error, Result, header};
use rusqlite::Connection;

use crate::files::Writer;
use crate::progress::Progress;
use crate::sqlite::Shape;
use crate::stop;

/// Bytes handed from one thread to the other at a time.
const BATCH: usize = 256 << 10;

/// Batches under way at most: with [`BATCH`] the bound on memory.
const BATCHES: usize = 4;

/// Calls `each` with every page of the snapshot, in ascending order, the lock page included (as zeros).
///
/// # Errors
/// Where SQLite cannot read a page, where a page is missing, and whatever `each` returns.
pub fn for_each_page(
    connection: &Connection,
    shape: Shape,
    mut each: impl FnMut(u32, &[u8]) -> Result<()>,
) -> Result<()> {
    let path = path_of(connection);
    let failed = |e| crate::sqlite::failed("read a page of", &path, e);
    let mut statement = connection.prepare("SELECT pgno, data FROM sqlite_dbpage").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut pages = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let number: u32 = row.get(0).map_err(failed)?;
        let data = row.get_ref(1).map_err(failed)?;
        let page = data.as_blob().map_err(|e| failed(e.into()))?;
        if number != pages + 1 || page.len() != shape.page_size as usize {
            return Err(unreadable(&path, number));
        }
        pages = number;
        stop::check()?;
        each(number, page)?;
    }
    if pages == shape.pages { Ok(()) } else { Err(unreadable(&path, pages + 1)) }
}

/// Hands the snapshot, as a copy will hold it, to `consume` on a second thread: as [`raw_batches`], but page 1 says
/// rollback journal.
pub fn batches(
    connection: &Connection,
    shape: Shape,
    mut consume: impl FnMut(u32, &[u8]) -> Result<()> + Send,
) -> Result<()> {
    raw_batches(connection, shape, |first, pages| {
        if first == 1 {
            header::set_journal_mode(pages, false);
        }
        consume(first, pages)
    })
}

/// Hands the snapshot to `consume` on a second thread: whole pages in ascending order, and the number of the first of
/// them.
///
/// # Errors
/// As [`for_each_page`], and whatever `consume` returns, which ends the reading.
pub fn raw_batches(
    connection: &Connection,
    shape: Shape,
    consume: impl FnMut(u32, &mut [u8]) -> Result<()> + Send,
) -> Result<()> {
    let (full, filled) = sync_channel(BATCHES);
    let (empty, emptied) = channel();
    std::thread::scope(|scope| {
        let consuming = scope.spawn(move || consume_batches(shape, &filled, &empty, consume));
        let reading = read_batches(connection, shape, &full, &emptied);
        drop(full);
        let consumed = consuming.join().map_err(|_panic| Error::new(Code::Failed, "the second thread panicked"))?;
        // Where that failed, reading ended early, and its error is not the one to report.
        consumed.and(reading)
    })
}

/// Writes the snapshot that `connection`'s transaction sees to `to`, and returns the checksums of the file as written.
/// Does not sync.
pub fn copy(connection: &Connection, shape: Shape, to: &Writer, progress: &Progress) -> Result<Checksums> {
    let page_size = shape.page_size as usize;
    let mut sum = DatabaseChecksum::new(shape.page_size);
    batches(connection, shape, |first, pages| {
        for (number, page) in (first..).zip(pages.chunks_exact(page_size)) {
            sum.add(number, page);
        }
        to.write_at(pages, u64::from(first - 1) * u64::from(shape.page_size))?;
        progress.add(pages.len() as u64);
        Ok(())
    })?;
    Ok(sum.finish())
}

/// The checksums that a copy of the snapshot would have, without making one.
pub fn checksums(connection: &Connection, shape: Shape, progress: &Progress) -> Result<Checksums> {
    let mut sum = DatabaseChecksum::new(shape.page_size);
    let mut first = Vec::new();
    for_each_page(connection, shape, |number, page| {
        progress.add(page.len() as u64);
        if number == 1 {
            first.extend_from_slice(page);
            header::set_journal_mode(&mut first, false);
            sum.add(1, &first);
        } else {
            sum.add(number, page);
        }
        Ok(())
    })?;
    Ok(sum.finish())
}

fn read_batches(
    connection: &Connection,
    shape: Shape,
    full: &SyncSender<Vec<u8>>,
    emptied: &Receiver<Vec<u8>>,
) -> Result<()> {
    let fresh = || emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH + shape.page_size as usize));
    let mut batch = fresh();
    for_each_page(connection, shape, |number, page| {
        batch.extend_from_slice(page);
        if batch.len() >= BATCH || number == shape.pages {
            let sent = full.send(std::mem::replace(&mut batch, fresh()));
            sent.map_err(|e| Error::new(Code::Failed, "the second thread has stopped").because(e.to_string()))?;
        }
        Ok(())
    })
}

fn consume_batches(
    shape: Shape,
    filled: &Receiver<Vec<u8>>,
    empty: &Sender<Vec<u8>>,
    mut consume: impl FnMut(u32, &mut [u8]) -> Result<()>,
) -> Result<()> {
    let mut first = 1;
    for mut batch in filled {
        consume(first, &mut batch)?;
        first += pages_in(&batch, shape);
        batch.clear();
        if empty.send(batch).is_err() {
            tracing::debug!("the reading thread needs no more buffers");
        }
    }
    Ok(())
}

fn pages_in(batch: &[u8], shape: Shape) -> u32 {
    // A batch is not much larger than BATCH.
    u32::try_from(batch.len()).unwrap_or(u32::MAX) / shape.page_size
}

fn path_of(connection: &Connection) -> PathBuf {
    connection.path().map(Path::new).unwrap_or_else(|| Path::new(":memory:")).to_owned()
}

/// That page `page` of the database at `path` cannot be read.
pub fn unreadable(path: &Path, page: u32) -> Error {
    Error::new(Code::Damaged, format!("failed to read page {page} of '{}'", path.display()))
        .hint("the database is damaged or truncated: `backup-job list` shows what can be restored")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite;
    use std::time::Duration;

    fn sample(path: &Path, rows: u32) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode=WAL; CREATE TABLE t(x); \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
                 INSERT INTO t SELECT randomblob(400) FROM n;"
            ))
            .unwrap();
        connection
    }

    #[test]
    fn a_copy_holds_the_snapshot_and_nothing_that_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("app.db");
        let writer = sample(&live, 10_000);
        let reader = sqlite::open_live(&live, Duration::ZERO).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let (shape, _) = sqlite::shape(&reader).unwrap().unwrap();
        writer.execute_batch("DELETE FROM t WHERE rowid % 2 = 0").unwrap();

        let copy_path = folder.path().join("copy.db");
        let to = Writer::create("test", &copy_path).unwrap();
        let written = copy(&reader, shape, &to, &Progress::none()).unwrap();
        assert_eq!(written, checksums(&reader, shape, &Progress::none()).unwrap());

        let copied = sqlite::open_immutable(&copy_path).unwrap();
        let rows: u32 = copied.query_row("SELECT count(*) FROM t", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 10_000);
        assert_eq!(std::fs::metadata(&copy_path).unwrap().len(), shape.bytes());
        assert!(!sqlite::shape(&copied).unwrap().unwrap().0.wal, "a backup opens on a read-only mount");
    }

    #[test]
    fn a_database_that_ends_too_early_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("app.db");
        let connection = sample(&live, 100);
        let (mut shape, _) = sqlite::shape(&connection).unwrap().unwrap();
        shape.pages += 1;
        let error = checksums(&connection, shape, &Progress::none()).unwrap_err();
        assert_eq!(error.code(), Code::Damaged);
    }
}
