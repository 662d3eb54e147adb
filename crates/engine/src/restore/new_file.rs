//! The verified copy of a restore point that is renamed into the database's place.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use disk::files::{self, Writer};
use disk::progress::Progress;
use disk::rights::Rights;
use disk::{read_back, scratch};
use ltx::DatabaseChecksum;
use pra_core::checksum::Checksums;
use pra_core::naming::TEMPORARY_PREFIX;
use pra_core::{Code, Error, Result, header};

use super::range_lock;
use super::source::Source;

pub(super) const LABEL: &str = "restore:temporary";

/// Between the prefix of all temporaries and the database's name.
const MARK: &str = "restore-";

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// A copy beside the database, in WAL mode, synced and read back. Dropped before it is renamed, it is removed.
#[derive(Debug)]
pub(super) struct NewFile {
    writer: Option<Writer>,
    /// Which file it is and when it was written last: it was read back since.
    read_back: Option<Stamp>,
    /// What failed without stopping it.
    pub(super) warnings: Vec<String>,
}

/// Removes what killed restores left beside the database. The caller holds its lock, shared or exclusive; a
/// process that makes a new file holds it exclusively.
pub(crate) fn remove_leftovers(database: &Path) -> Result<()> {
    scratch::remove_dead(database)?;
    files::remove(LABEL, &temporary(database)?)?;
    Ok(())
}

impl NewFile {
    /// Copies `source` beside `database`; one that was fetched there is taken as it is.
    ///
    /// # Errors
    /// Where there is no room for both, and where the copy does not read back as it was verified.
    pub(super) fn make(database: &Path, source: &Source) -> Result<Self> {
        let path = temporary(database)?;
        let mut new = if source.is_temporary() {
            files::rename(LABEL, source.path(), &path)?;
            let writer = Writer::open(LABEL, &path)?;
            set_journal_mode(&writer, true)?;
            Self::of(writer)
        } else {
            // Beside the old file: together they take twice the room.
            files::require_room(files::folder_of(database), source.shape.bytes(), "the restored database")?;
            let new = Self::of(Writer::create_like(LABEL, &path, database)?);
            new.fill(source)?;
            new
        };
        new.own(database)?;
        new.writer()?.sync()?;
        new.read_back = Some(Stamp::of(new.writer()?.path())?);
        new.read_back(source)?;
        Ok(new)
    }

    /// Where it lies until it is placed.
    pub(super) fn path(&self) -> Result<&Path> {
        Ok(self.writer()?.path())
    }

    fn of(writer: Writer) -> Self {
        Self { writer: Some(writer), read_back: None, warnings: Vec::new() }
    }

    fn fill(&self, source: &Source) -> Result<()> {
        let page_size = source.shape.page_size as usize;
        let progress = Progress::bytes("copying", source.shape.bytes());
        let mut sum = DatabaseChecksum::new(source.shape.page_size);
        let mut buffer = vec![0; (CHUNK / page_size).max(1) * page_size];
        let mut next = 1;
        while next <= source.shape.pages {
            let pages = (buffer.len() / page_size).min((source.shape.pages - next) as usize + 1);
            let chunk = &mut buffer[..pages * page_size];
            source.read_pages(next, chunk)?;
            let offset = u64::from(next - 1) * u64::from(source.shape.page_size);
            for page in chunk.chunks_exact(page_size) {
                sum.add(next, page);
                next += 1;
            }
            if offset == 0 {
                // A backup is in rollback-journal mode, the database it is to become in WAL mode.
                header::set_journal_mode(chunk, true);
            }
            self.writer()?.write_at(chunk, offset)?;
            progress.add(chunk.len() as u64);
        }
        progress.finish();
        source.require_same(sum.finish())
    }

    /// Gives the file the owner and mode of the database that it replaces, or of the folder.
    fn own(&mut self, database: &Path) -> Result<()> {
        let rights = Rights::of(database).map_err(|e| Error::io("look at", database, e))?;
        let writer = self.writer()?;
        let is_given = rights.apply(writer.file()).map_err(|e| Error::io("set the mode of", writer.path(), e))?;
        if !is_given {
            self.warnings.push(format!("the restored database could not be given to user {rights}"));
        }
        Ok(())
    }

    /// Reads it from the disk; of one that was read there when it was fetched, only what was changed since.
    fn read_back(&self, source: &Source) -> Result<()> {
        let path = self.writer()?.path();
        if source.was_on_disk {
            let page = read_back::start_on_disk(path, source.shape.page_size as usize)?;
            return require_equal(path, page_one(&page, source), page_one(&source.page(1)?, source));
        }
        let progress = Progress::bytes("verifying", source.shape.bytes());
        require_equal(path, read_back::checksums_on_disk(path, &progress)?, source.checksums)
    }

    /// Renames it into the place of `database`, keeping SQLite out.
    pub(super) fn place(&self, database: &Path) -> Result<()> {
        let writer = self.writer()?;
        range_lock::keep_out(writer.file(), writer.path())?;
        files::remove_sidecars(LABEL, database)?;
        // SQLite has removed the old file's journal and does not sync that: a power loss could bring it back beside the
        // new file, and it would be rolled back into that.
        files::sync_folder_of(LABEL, database)?;
        files::rename(LABEL, writer.path(), database)
    }

    /// Whether it is what the name of `database` leads to.
    pub(super) fn is_placed(&self, database: &Path) -> bool {
        matches!((&self.read_back, Stamp::of(database)), (Some(ours), Ok(named)) if ours.is_same_file(&named))
    }

    /// Checks that the file in the place of `database` is the one that was read back, then lets SQLite in. There must
    /// be nothing beside it that SQLite would replay.
    pub(super) fn confirm(mut self, database: &Path) -> Result<Vec<String>> {
        // Renamed: nothing to remove any more. The descriptor stays open to the end, and with it the lock.
        let _kept_out = self.writer.take();
        require_no_sidecars(database)?;
        if self.read_back.as_ref() != Some(&Stamp::of(database)?) {
            let what = format!("'{}' was written by another process during the restore", database.display());
            return Err(Error::new(Code::Damaged, what).hint("stop the application, then run this again"));
        }
        Ok(std::mem::take(&mut self.warnings))
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| Error::new(Code::Failed, "the restored database is already in place"))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer
            && let Err(error) = files::remove(LABEL, writer.path())
        {
            tracing::warn!(%error, "the temporary file stays until the next restore removes it");
        }
    }
}

fn temporary(database: &Path) -> Result<PathBuf> {
    files::beside(database, &format!("{TEMPORARY_PREFIX}{MARK}"))
}

/// Sets a database that no process uses to WAL mode, or to rollback-journal mode, as in every backup. The caller syncs.
pub(super) fn set_journal_mode(file: &Writer, wal: bool) -> Result<()> {
    let mut header = [0; 100];
    file.read_at(&mut header, 0)?;
    header::set_journal_mode(&mut header, wal);
    file.write_at(&header, 0)
}

/// The checksums of page 1 alone, as it would be in a database of that page size.
fn page_one(page: &[u8], source: &Source) -> Checksums {
    let mut sum = DatabaseChecksum::new(source.shape.page_size);
    sum.add(1, page);
    sum.finish()
}

fn require_equal(path: &Path, found: Checksums, written: Checksums) -> Result<()> {
    if found.content == written.content {
        return Ok(());
    }
    Err(Error::new(
        Code::Damaged,
        format!("'{}' reads back as {}, {} was written", path.display(), found.content, written.content),
    )
    .hint("the volume returns other bytes than it was given: replace it"))
}

/// Identity and change time of a file: a rename changes neither.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
        Ok(Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }

    fn is_same_file(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

/// A log does not name its database: one that appeared meanwhile would be replayed into the restored one.
fn require_no_sidecars(database: &Path) -> Result<()> {
    for suffix in files::SIDECARS {
        let path = files::with_suffix(database, suffix);
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(Code::Damaged, format!("'{}' appeared during the restore", path.display()))
                .hint("stop the application, then run this again"));
        }
    }
    Ok(())
}
