//! Which page may come next in a file.

use crate::checksum::lock_page;
use crate::error::{Error, Result};
use crate::header::Header;

/// Pages ascend, lie within the database, leave out the lock page, and in a snapshot are all there.
#[derive(Debug)]
pub(crate) struct Order {
    commit: u32,
    lock_page: u32,
    snapshot: bool,
    last: u32,
}

impl Order {
    pub(crate) fn new(header: &Header) -> Self {
        let Header { commit, page_size, .. } = *header;
        Self { commit, lock_page: lock_page(page_size), snapshot: header.is_snapshot(), last: 0 }
    }

    /// Takes the next page.
    pub(crate) fn next(&mut self, page: u32) -> Result<()> {
        if page <= self.last {
            return Err(Error::PageOrder { page, after: self.last });
        }
        if page > self.commit {
            return Err(Error::PageBeyond { page, commit: self.commit });
        }
        if page == self.lock_page {
            return Err(Error::LockPage { page });
        }
        match self.expected() {
            Some(expected) if page != expected => Err(Error::PageMissing { page: expected }),
            _ => {
                self.last = page;
                Ok(())
            }
        }
    }

    /// There is no further page.
    pub(crate) fn finish(&self) -> Result<()> {
        self.expected().map_or(Ok(()), |page| Err(Error::PageMissing { page }))
    }

    /// The page that has to come next, where one has to.
    fn expected(&self) -> Option<u32> {
        let next = self.last.checked_add(1)?;
        let next = if next == self.lock_page { next.checked_add(1)? } else { next };
        (self.snapshot && next <= self.commit).then_some(next)
    }
}
