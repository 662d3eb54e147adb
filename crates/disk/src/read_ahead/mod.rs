//! Read-ahead for a file that does not change: SQLite asks for one page at a time, the system is asked for many.
//!
//! ```text
//! SQLite ──xRead: a page──► vfs ──► ReadAhead ─┬─ in a window: copied from memory
//!                                              ├─ goes on where a read ended: a window from there, twice as large
//!                                              └─ anywhere else: that page alone is read
//! ```
//! A system call for each page costs more than the page: a scan of a gigabyte spends half its time there. Windows
//! grow only where pages are read in order (a table, the leaves of an index, several of them in turn), so that looking
//! up rows in any order costs no more than without them.

#[allow(unsafe_code, reason = "SQLite's VFS is a C interface")]
mod vfs;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(crate) use vfs::register;

/// Bytes in the first window of a scan. Four of SQLite's default pages.
const FIRST_WINDOW: usize = 16 << 10;

/// Bytes in a window at most: few system calls, and still in the core's cache when SQLite copies from it.
const LARGEST_WINDOW: usize = 256 << 10;

/// Scans at once: with [`LARGEST_WINDOW`] the bound on memory, 2 MiB for each open file.
const WINDOWS: usize = 8;

/// Single reads that are remembered, to see that the next one goes on from there.
const REMEMBERED: usize = 16;

/// A scan may step over so many pages: those of other trees lie between those of a table.
const GAP: u64 = 8;

/// One open file.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    file: File,
    len: u64,
    windows: Vec<Window>,
    /// Where the last single reads ended; the oldest is at `oldest`.
    ends: [u64; REMEMBERED],
    oldest: usize,
    clock: u64,
}

/// What was read of the file from `start` on.
#[derive(Debug)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
    /// The clock when it was last of use.
    used: u64,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(len)?)
    }
}

/// Whether a read of `len` bytes, a page, at `offset` goes on where one ended at `end`.
fn goes_on(end: u64, offset: u64, len: usize) -> bool {
    (end..=end.saturating_add(GAP * len as u64)).contains(&offset)
}

impl ReadAhead {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        // No read ends there: nothing goes on from it.
        let ends = [u64::MAX; REMEMBERED];
        Ok(Self { file, len, windows: Vec::new(), ends, oldest: 0, clock: 0 })
    }

    /// Size in bytes when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer` from `offset`; returns how many bytes there were, fewer only at the end of the file.
    pub(crate) fn read(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.clock += 1;
        let (clock, len) = (self.clock, buffer.len());
        for window in &mut self.windows {
            if let Some(bytes) = window.get(offset, len) {
                buffer.copy_from_slice(bytes);
                window.used = clock;
                return Ok(len);
            }
        }
        if let Some(bytes) = self.window_at(offset, len).and_then(|window| window.get(offset, len)) {
            buffer.copy_from_slice(bytes);
            return Ok(len);
        }
        let read = read_full(&self.file, buffer, offset)?;
        self.ends[self.oldest] = offset + read as u64;
        self.oldest = (self.oldest + 1) % REMEMBERED;
        Ok(read)
    }

    /// A new window from `offset` on, where a scan goes on there. `None` also where it cannot be filled: the page is
    /// then read alone, so that an error is that of the page asked for and not of one that may never be.
    fn window_at(&mut self, offset: u64, len: usize) -> Option<&Window> {
        let (window, size) = match self.windows.iter().position(|window| goes_on(window.end(), offset, len)) {
            Some(index) => (index, self.windows[index].bytes.len().saturating_mul(2)),
            None if self.ends.iter().any(|end| goes_on(*end, offset, len)) => (self.least_used(), 0),
            None => return None,
        };
        let size = size.clamp(FIRST_WINDOW, LARGEST_WINDOW).max(len);
        let size = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(size).min(size);
        let window = &mut self.windows[window];
        window.start = offset;
        window.bytes.resize(size, 0);
        window.used = self.clock;
        match read_full(&self.file, &mut window.bytes, offset) {
            Ok(read) => window.bytes.truncate(read),
            Err(_read_alone) => window.bytes.clear(),
        }
        Some(window)
    }

    fn least_used(&mut self) -> usize {
        if self.windows.len() < WINDOWS {
            self.windows.push(Window { start: 0, bytes: Vec::with_capacity(LARGEST_WINDOW), used: 0 });
            return self.windows.len() - 1;
        }
        let windows = self.windows.iter().enumerate();
        windows.min_by_key(|(_, window)| window.used).map_or(0, |(index, _)| index)
    }
}

/// Reads until the buffer is full or the file ends.
fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
