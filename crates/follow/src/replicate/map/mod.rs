//! The page map: what was last shipped of every page.
//!
//! A page is shipped because its content differs from what the map says, and for no other reason: the write-ahead log
//! only says where to look. The map also knows in which transaction each page was shipped last, so that "all that
//! changed since" can be made from the live database at any time: compacted files, and what a store has missed.

mod log;

pub(super) use log::MapLog;

/// Set in every page's checksum (LTX: `ChecksumFlag`), so 0 can mean "never shipped".
const NEVER: u64 = 0;

/// LTX's checksum of no pages: the flag.
const NO_PAGES: u64 = 1 << 63;

/// What was shipped of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Shipped {
    /// CRC-64/GO-ISO of number and content, with LTX's flag.
    checksum: u64,
    /// In which transaction.
    txid: u64,
}

/// The bytes of a transaction's own file, as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Content {
    /// Its length.
    pub(super) bytes: u64,
    /// CRC-64/GO-ISO of all of them.
    pub(super) checksum: u64,
}

/// What SQLite counts in a database's first page. Neither goes back in one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Counters {
    /// The file change counter.
    pub(super) changes: u32,
    /// The schema cookie.
    pub(super) schema: u32,
}

impl Counters {
    /// Whether these are from before `other`. They begin again at 0 after 2^32.
    pub(super) fn are_before(self, other: Self) -> bool {
        let is_before = |one: u32, other: u32| one.wrapping_sub(other).cast_signed() < 0;
        is_before(self.changes, other.changes) || is_before(self.schema, other.schema)
    }
}

/// One transaction of the replica: what it changes in the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Delta {
    /// One more than the one before.
    pub(super) txid: u64,
    /// When its snapshot was opened, in ms since 1970.
    pub(super) timestamp_ms: u64,
    /// Size of the database in pages after it.
    pub(super) commit: u32,
    /// Number and checksum of each page in it, ascending.
    pub(super) pages: Vec<(u32, u64)>,
    /// What the database counted.
    pub(super) counters: Counters,
    /// Its file.
    pub(super) file: Content,
}

/// The database as it was last shipped: 16 bytes a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageMap {
    page_size: u32,
    txid: u64,
    timestamp_ms: u64,
    /// The XOR of all pages' checksums.
    sum: u64,
    pages: Vec<Shipped>,
    counters: Counters,
    file: Content,
}

impl PageMap {
    /// Of a database of which nothing was shipped.
    pub(super) fn new(page_size: u32) -> Self {
        Self {
            page_size,
            txid: 0,
            timestamp_ms: 0,
            sum: 0,
            pages: Vec::new(),
            counters: Counters::default(),
            file: Content::default(),
        }
    }

    /// Of a database of `commit` pages, all of which the first transaction ships: [`Self::ship`] takes them.
    pub(super) fn first(page_size: u32, timestamp_ms: u64, commit: u32, counters: Counters) -> Self {
        let mut map = Self { txid: 1, timestamp_ms, counters, ..Self::new(page_size) };
        map.resize(commit);
        map
    }

    /// Bytes in a page.
    pub(super) fn page_size(&self) -> u32 {
        self.page_size
    }

    /// The last transaction; 0 before the first.
    pub(super) fn txid(&self) -> u64 {
        self.txid
    }

    /// When the last transaction's snapshot was opened, in ms since 1970.
    pub(super) fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }

    /// What the database counted at the last transaction.
    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// The last transaction's own file.
    pub(super) fn file(&self) -> Content {
        self.file
    }

    /// The first transaction's file was written.
    pub(super) fn written(&mut self, file: Content) {
        self.file = file;
    }

    /// Size in pages after the last transaction.
    pub(super) fn commit(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// LTX's checksum of the whole database after the last transaction.
    pub(super) fn checksum(&self) -> u64 {
        // An XOR of checksums has the flag only where their number is odd.
        self.sum | NO_PAGES
    }

    /// Whether a page with this checksum is not what was last shipped.
    pub(super) fn differs(&self, number: u32, checksum: u64) -> bool {
        self.get(number).checksum != checksum
    }

    /// LTX's checksum of the whole database after `delta`.
    pub(super) fn checksum_after(&self, delta: &Delta) -> u64 {
        let gone = self.pages.get(delta.commit as usize..).unwrap_or_default();
        let mut sum = gone.iter().fold(self.sum, |sum, page| sum ^ page.checksum);
        for (number, checksum) in &delta.pages {
            let before = if *number <= delta.commit { self.get(*number).checksum } else { NEVER };
            sum ^= before ^ checksum;
        }
        sum | NO_PAGES
    }

    /// Takes note that `delta` was shipped.
    pub(super) fn apply(&mut self, delta: &Delta) {
        self.resize(delta.commit);
        for (number, checksum) in &delta.pages {
            self.ship(*number, *checksum, delta.txid);
        }
        self.txid = delta.txid;
        self.timestamp_ms = delta.timestamp_ms;
        self.counters = delta.counters;
        self.file = delta.file;
    }

    /// Takes note that a page was shipped in transaction `txid`.
    pub(super) fn ship(&mut self, number: u32, checksum: u64, txid: u64) {
        if let Some(page) = number.checked_sub(1).and_then(|index| self.pages.get_mut(index as usize)) {
            self.sum ^= page.checksum ^ checksum;
            *page = Shipped { checksum, txid };
        }
    }

    fn resize(&mut self, commit: u32) {
        let gone = self.pages.get(commit as usize..).unwrap_or_default();
        self.sum = gone.iter().fold(self.sum, |sum, page| sum ^ page.checksum);
        self.pages.resize(commit as usize, Shipped::default());
    }

    /// Numbers of the pages that were shipped in transaction `txid` or later, ascending.
    pub(super) fn since(&self, txid: u64) -> Vec<u32> {
        (1..).zip(&self.pages).filter(|(_, page)| page.checksum != NEVER && page.txid >= txid).map(|(n, _)| n).collect()
    }

    fn get(&self, number: u32) -> Shipped {
        number.checked_sub(1).and_then(|index| self.pages.get(index as usize)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
