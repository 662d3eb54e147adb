//! Which pages of a snapshot are not what was last shipped.

use disk::snapshot;
use pra_core::Result;

use super::follower::{Candidates, Snapshot};
use super::map::PageMap;

/// Calls `ship` with number, content and checksum of every page that differs, ascending. Returns how many pages were
/// compared.
///
/// # Errors
/// Where a page cannot be read, and whatever `ship` returns.
pub(super) fn differing(
    snapshot: &Snapshot,
    candidates: &Candidates,
    map: &PageMap,
    ship: impl FnMut(u32, &[u8], u64) -> Result<()> + Send,
) -> Result<u64> {
    let mut ship = ship;
    let lock_page = ltx::lock_page(snapshot.shape.page_size);
    let mut compare = |number: u32, page: &[u8]| {
        if number == lock_page {
            return Ok(());
        }
        let checksum = ltx::page_checksum(number, page) | ltx::CHECKSUM_FLAG;
        if map.differs(number, checksum) { ship(number, page, checksum) } else { Ok(()) }
    };
    match candidates {
        Candidates::Pages(pages) => {
            let there = pages.range(..=snapshot.shape.pages).copied();
            each(snapshot, there, &mut compare)?;
            Ok(pages.len() as u64)
        }
        Candidates::All(_) => {
            let page_size = snapshot.shape.page_size as usize;
            snapshot::raw_batches(snapshot.connection(), snapshot.shape, |first, pages| {
                (first..).zip(pages.chunks_exact(page_size)).try_for_each(|(number, page)| compare(number, page))
            })?;
            Ok(u64::from(snapshot.shape.pages))
        }
    }
}

/// Whether a page of a snapshot differs though no transaction since the last can have changed it: `candidates` are those
/// that one can.
///
/// # Errors
/// Where a page cannot be read.
pub(super) fn has_unexplained(snapshot: &Snapshot, candidates: &Candidates, map: &PageMap) -> Result<bool> {
    let Candidates::Pages(explained) = candidates else { return Ok(false) };
    let mut found = false;
    differing(snapshot, &Candidates::All("looking for what no transaction has changed"), map, |number, _, _| {
        found |= !explained.contains(&number);
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with these pages of the snapshot, one after the other.
pub(super) fn each(
    snapshot: &Snapshot,
    pages: impl Iterator<Item = u32>,
    mut each: impl FnMut(u32, &[u8]) -> Result<()>,
) -> Result<()> {
    let database = snapshot.connection().path().unwrap_or(":memory:");
    let failed = |e| disk::sqlite::failed("read a page of", database.as_ref(), e);
    let mut statement =
        snapshot.connection().prepare_cached("SELECT data FROM sqlite_dbpage WHERE pgno = ?1").map_err(failed)?;
    for number in pages {
        let mut rows = statement.query([number]).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Err(snapshot::unreadable(database.as_ref(), number));
        };
        let page = row.get_ref(0).and_then(|page| Ok(page.as_blob()?)).map_err(failed)?;
        each(number, page)?;
    }
    Ok(())
}
