//! Reads a copy back: the checksum of every byte on one thread while `integrity_check` runs on another.
//!
//! `integrity_check` alone proves too little: it passes on a valid but older database and on a flipped bit inside a
//! value. The checksum alone proves too little as well: it would certify a damaged database. Both must hold. What
//! `integrity_check` says of the data's logic is no damage: [`findings`].

pub mod findings;
mod reader;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ltx::DatabaseChecksum;
use pra_core::checksum::Checksums;
use pra_core::header::Header;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use crate::progress::Progress;
use crate::sqlite::{self, Shape};
use crate::stop;
use reader::{CHUNK, Reader};

pub use findings::{Findings, of as findings_of};

/// What a copy really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Page size and number of pages.
    pub shape: Shape,
    /// Over the file as it is, and with the volatile header bytes masked.
    pub checksums: Checksums,
    /// Rows of the table `events`; `None` where there is no such table.
    pub events: Option<u64>,
    /// The first damage that `integrity_check` found; `None` where it found none.
    pub problem: Option<String>,
    /// What it says otherwise, and what it could not look at: the copy is as sound as the database.
    pub warnings: Vec<String>,
}

impl Checked {
    /// What is wrong with a copy that should have these checksums.
    pub fn problem_against(&self, written: Checksums) -> Option<String> {
        if self.checksums == written {
            return self.problem.clone();
        }
        Some(format!("it reads back as {}, {written} was written", self.checksums))
    }
}

/// Reads the whole file at `path`, which no process may write meanwhile.
///
/// # Errors
/// [`Code::Damaged`] where the file is empty, truncated, or no database.
pub fn check(path: &Path, progress: &Progress) -> Result<Checked> {
    check_with(path, progress, Reader::cached)
}

/// As [`check`], of a file that was just written: `sync` brings it to the disk, where the checksum is then read.
pub fn check_written(path: &Path, progress: &Progress, sync: impl FnOnce() -> Result<()> + Send) -> Result<Checked> {
    check_with(path, progress, |path| {
        sync()?;
        Reader::disk(path)
    })
}

fn check_with(path: &Path, progress: &Progress, open: impl FnOnce(&Path) -> Result<Reader> + Send) -> Result<Checked> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let shape = shape_of(&file, path)?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| checksum_file(open(path)?, path, shape, progress));
        let counting = scope.spawn(|| {
            let connection = sqlite::open_immutable(path)?;
            sqlite::count_events(&connection).map_err(|e| crate::sqlite::failed("count the events of", path, e))
        });
        let found = integrity(path);
        let died = |_panic| Error::new(Code::Failed, format!("a thread that checks '{}' panicked", path.display()));
        let (checksums, events) = (reading.join().map_err(died)??, counting.join().map_err(died)?);
        let Findings { mut problem, warnings } = found?;
        // A table that cannot be counted is one more sign of damage, not a failure to verify.
        let events = events.unwrap_or_else(|error| {
            if error.code() == Code::Damaged {
                problem.get_or_insert_with(|| error.to_string());
            }
            None
        });
        Ok(Checked { shape, checksums, events, problem, warnings })
    })
}

/// Reads the restore point at `path` back and compares it with what was recorded when it was made.
///
/// # Errors
/// [`Code::Damaged`] on any difference and any damage.
pub fn against(path: &Path, point: &RestorePoint, progress: &Progress) -> Result<Checked> {
    let checked = check(path, progress)?;
    compare(&checked, path, point)?;
    Ok(checked)
}

/// Compares what was found in the restore point at `path` with what was recorded when it was made.
///
/// # Errors
/// [`Code::Damaged`] on any difference and any damage.
pub fn compare(checked: &Checked, path: &Path, point: &RestorePoint) -> Result<()> {
    if point.is_recorded() && checked.checksums != point.checksums() {
        return Err(damaged(
            path,
            format!("it reads back as {}, {} is recorded", checked.checksums, point.checksums()),
        ));
    }
    match &checked.problem {
        Some(problem) => Err(damaged(path, problem.clone())),
        None => Ok(()),
    }
}

/// The checksums of the database file at `path`.
pub fn checksums(path: &Path, progress: &Progress) -> Result<Checksums> {
    checksums_with(path, progress, Reader::cached)
}

/// The same, of a file that was just written and synced: what the disk returns, and not what was kept of it in memory.
pub fn checksums_on_disk(path: &Path, progress: &Progress) -> Result<Checksums> {
    checksums_with(path, progress, Reader::disk)
}

fn checksums_with(path: &Path, progress: &Progress, open: fn(&Path) -> Result<Reader>) -> Result<Checksums> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let shape = shape_of(&file, path)?;
    checksum_file(open(path)?, path, shape, progress)
}

/// The first `length` bytes of the file at `path`, as the disk returns them.
pub fn start_on_disk(path: &Path, length: usize) -> Result<Vec<u8>> {
    let mut reader = Reader::disk(path)?;
    reader.read(0, length).map(<[u8]>::to_vec).map_err(|e| Error::io("read", path, e))
}

/// Asks the kernel to forget its cached copy of `path`, so that what is read next comes from the disk.
pub fn forget_cached(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    nix::fcntl::posix_fadvise(&file, 0, 0, nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .map_err(|e| Error::io("drop the cache of", path, e.into()))
}

/// What SQLite's checks report about a file that no process writes.
fn integrity(path: &Path) -> Result<Findings> {
    let connection = sqlite::open_immutable(path)?;
    findings_of(&connection).map_err(|e| crate::sqlite::failed("check", path, e))
}

fn shape_of(file: &File, path: &Path) -> Result<Shape> {
    let length = file.metadata().map_err(|e| Error::io("look at", path, e))?.len();
    if length == 0 {
        return Err(damaged(path, "the file is empty (0 bytes)".to_owned()));
    }
    let mut first = [0; 100];
    let readable = usize::try_from(length.min(100)).unwrap_or(100);
    file.read_exact_at(&mut first[..readable], 0).map_err(|e| Error::io("read", path, e))?;
    let header = Header::parse(&first[..readable]).map_err(|e| damaged(path, e.to_string()))?;
    let pages = length / u64::from(header.page_size);
    let expected = u64::from(header.pages) * u64::from(header.page_size);
    if length != expected {
        return Err(damaged(
            path,
            format!("the file has {length} bytes where its header says {expected}: it is cut off"),
        ));
    }
    let pages = u32::try_from(pages).map_err(|e| damaged(path, "it has too many pages".to_owned()).because(e))?;
    Ok(Shape { page_size: header.page_size, pages, wal: header.is_wal() })
}

fn checksum_file(mut reader: Reader, path: &Path, shape: Shape, progress: &Progress) -> Result<Checksums> {
    let page_size = shape.page_size as usize;
    let per_chunk = CHUNK / page_size;
    let mut sum = DatabaseChecksum::new(shape.page_size);
    let mut next = 1_u32;
    while next <= shape.pages {
        stop::check()?;
        let pages = per_chunk.min((shape.pages - next) as usize + 1);
        let offset = u64::from(next - 1) * u64::from(shape.page_size);
        let chunk = reader.read(offset, pages * page_size).map_err(|e| Error::io("read", path, e))?;
        for page in chunk.chunks_exact(page_size) {
            sum.add(next, page);
            next += 1;
        }
        progress.add(chunk.len() as u64);
    }
    Ok(sum.finish())
}

/// That the restore point at `path` is damaged, and how.
pub fn damaged(path: &Path, what: String) -> Error {
    Error::new(Code::Damaged, format!("'{}' is damaged: {what}", path.display()))
        .hint("choose another restore point: `backup-job list` shows those that are verified")
}
