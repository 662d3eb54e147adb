//! One pass over the live pages: they are compared with the restore point's and written into the safety copy.

use disk::progress::Progress;
use disk::snapshot;
use disk::sqlite::Shape;
use ltx::DatabaseChecksum;
use pra_core::Result;
use rusqlite::Connection;

use super::page_set::PageSet;
use super::safety_copy::SafetyCopy;
use super::source::Source;

/// Bytes of the restore point read at a time, past the end of the live database.
const CHUNK: usize = 1 << 20;

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
/// [`pra_core::Code::Damaged`] where the restore point is not what was verified any more.
pub(super) fn pass(connection: &Connection, live: Shape, source: &Source, copy: &mut SafetyCopy) -> Result<Difference> {
    let progress = Progress::bytes("comparing", live.bytes());
    let mut wanted = Wanted::new(source);
    snapshot::batches(connection, live, |_, pages| {
        copy.append(pages)?;
        wanted.compare(pages)?;
        progress.add(pages.len() as u64);
        Ok(())
    })?;
    let pages = wanted.finish()?;
    progress.finish();
    Ok(Difference { pages, live })
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
        let lock_page = ltx::lock_page(self.source.shape.page_size);
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
        let lock_page = ltx::lock_page(self.source.shape.page_size);
        while self.next <= self.source.shape.pages {
            let first = self.read((CHUNK / size).max(1))?;
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
