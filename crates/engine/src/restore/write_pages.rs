//! Writes the differing pages into the live database, in the transaction that the caller holds.
//!
//! What `sqlite_dbpage` asks of its user (SQLite's ext/misc and btree code, 3.54):
//! - the truncation must be the last such write, since any later one cancels it; it happens at the commit;
//! - in rollback-journal mode the old pages must be in the journal first, or a crash loses them;
//! - pages past the end can be written, but are not found when read until the b-tree layer looks at the size in the
//!   header again, which it does when it rolls back to a savepoint;
//! - with `auto_vacuum = FULL` the commit would move the new content's pages by the old content's rules: the
//!   connection is told to vacuum incrementally first;
//! - the first page is written under the feet of the b-tree layer, which has its old cells in memory: this connection
//!   must not read the schema again, so the cookie stays until all is done, and is then set by SQLite itself;
//! - the lock page cannot be written.

use ltx::DatabaseChecksum;
use pra_core::{Code, Error, Result};
use rusqlite::{Connection, Statement, params};

use super::catch_up::PageReader;
use super::compare::Difference;
use super::page_one;
use super::source::Source;

const WRITE: &str = "INSERT INTO sqlite_dbpage(pgno, data) VALUES (?1, ?2)";

/// Makes the database that `writer` has locked equal to `source`, and reads back what it wrote. Returns the number of
/// pages written.
///
/// # Errors
/// [`Code::Damaged`] where a page reads back otherwise. The caller rolls back.
pub(super) fn apply(writer: &Connection, source: &Source, difference: &Difference) -> Result<u64> {
    let live = difference.live;
    let first = page_one(writer, source, difference)?;
    let Some(first) = first else { return Ok(0) };

    keep_free_pages(writer, &first.live)?;
    if !live.wal {
        journal_pages_that_go(writer, source, difference)?;
    }
    let written = write_differing(writer, source, difference)?;
    write_page(&mut prepare(writer)?, writer, 1, &first.new)?;
    if source.shape.pages > live.pages {
        run(writer, "SAVEPOINT grown; ROLLBACK TO grown; RELEASE grown")?;
    }
    read_back(writer, source, difference, written, &first.new)?;
    if source.shape.pages < live.pages {
        // A page number and no data: this page and all after it go.
        let mut truncate = prepare(writer)?;
        truncate.execute(params![source.shape.pages + 1, None::<&[u8]>]).map_err(|e| failed(writer, e))?;
    }
    // After this only a commit or a rollback: SQLite makes the connection read the schema again at its next statement.
    run(writer, &format!("PRAGMA schema_version = {}", first.next_schema_cookie.cast_signed()))?;
    Ok(difference.pages.len() + 1)
}

struct PageOne {
    live: Vec<u8>,
    new: Vec<u8>,
    next_schema_cookie: u32,
}

/// The first page to write; `None` where nothing is to be written at all.
fn page_one(writer: &Connection, source: &Source, difference: &Difference) -> Result<Option<PageOne>> {
    let live = PageReader::new(writer)?.page(1)?;
    let target = source.page(1)?;
    let new = page_one::merge(&target, &live, source.shape.pages);
    let same_size = source.shape.pages == difference.live.pages;
    if same_size && difference.pages.len() == 0 && page_one::same_content(&new, &live) {
        return Ok(None);
    }
    let next_schema_cookie = page_one::next_schema_cookie(&target, &live);
    Ok(Some(PageOne { live, new, next_schema_cookie }))
}

fn keep_free_pages(writer: &Connection, live: &[u8]) -> Result<()> {
    if page_one::vacuums_at_commit(live) { run(writer, "PRAGMA auto_vacuum = INCREMENTAL") } else { Ok(()) }
}

fn journal_pages_that_go(writer: &Connection, source: &Source, difference: &Difference) -> Result<()> {
    let lock_page = ltx::lock_page(source.shape.page_size);
    let mut read = PageReader::new(writer)?;
    let mut write = prepare(writer)?;
    for number in (source.shape.pages + 1..=difference.live.pages).filter(|page| *page != lock_page) {
        let page = read.page(number)?;
        write_page(&mut write, writer, number, &page)?;
    }
    Ok(())
}

fn write_differing(writer: &Connection, source: &Source, difference: &Difference) -> Result<DatabaseChecksum> {
    let mut page = vec![0; source.shape.page_size as usize];
    let mut sum = DatabaseChecksum::new(source.shape.page_size);
    let mut write = prepare(writer)?;
    for number in difference.pages.iter() {
        source.read_pages(number, &mut page)?;
        sum.add(number, &page);
        write_page(&mut write, writer, number, &page)?;
    }
    Ok(sum)
}

fn read_back(
    writer: &Connection,
    source: &Source,
    difference: &Difference,
    written: DatabaseChecksum,
    first: &[u8],
) -> Result<()> {
    let mut read = PageReader::new(writer)?;
    let mut sum = DatabaseChecksum::new(source.shape.page_size);
    for number in difference.pages.iter() {
        read.with(number, |page| sum.add(number, page))?;
    }
    let first_is_good = read.with(1, |page| page_one::same_content(page, first))?;
    if first_is_good && sum == written {
        return Ok(());
    }
    Err(Error::new(Code::Damaged, format!("pages of '{}' do not read back as written", name(writer)))
        .hint("nothing was changed; the memory or the volume of this machine is not to be trusted"))
}

fn prepare(writer: &Connection) -> Result<Statement<'_>> {
    writer.prepare(WRITE).map_err(|e| failed(writer, e))
}

fn write_page(write: &mut Statement<'_>, writer: &Connection, number: u32, page: &[u8]) -> Result<()> {
    write.execute(params![number, page]).map_err(|e| failed(writer, e))?;
    Ok(())
}

fn run(writer: &Connection, sql: &str) -> Result<()> {
    writer.execute_batch(sql).map_err(|e| failed(writer, e))
}

fn failed(writer: &Connection, error: rusqlite::Error) -> Error {
    disk::sqlite::failed("write the pages of", std::path::Path::new(name(writer)), error)
}

fn name(writer: &Connection) -> &str {
    writer.path().unwrap_or_default()
}
