//! The verified restore point, kept open: a prune at the same time cannot take its bytes away.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use disk::catalog::Catalog;
use disk::progress::Progress;
use disk::read_back::{self, Checked};
use disk::scratch::Scratch;
use disk::sqlite::Shape;
use pra_core::checksum::Checksums;
use pra_core::header::Header;
use pra_core::naming::Kind;
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};

use crate::encrypted::{self, Keys};

/// A restore point that was read back and found to be what the catalog says.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    path: PathBuf,
    /// Its page size and size.
    pub(crate) shape: Shape,
    /// What every byte that is used must add up to.
    pub(crate) checksums: Checksums,
    /// Rows of the table `events`.
    pub(crate) events: Option<u64>,
    /// 1 UTF-8, 2 UTF-16le, 3 UTF-16be.
    pub(crate) text_encoding: u32,
    /// What SQLite's checks report about it that is not damage.
    pub(crate) warnings: Vec<String>,
    /// Is beside the database for this restore only, and is removed with its owner.
    scratch: Option<Scratch>,
    /// Whether its checksums are those of what the disk returned.
    pub(super) was_on_disk: bool,
}

/// Where restore points are, and how they are opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder<'a> {
    /// The backup folder.
    pub(crate) backups: &'a Path,
    /// The identity for encrypted ones.
    pub(crate) keys: &'a Keys,
    /// The database; restore points are decrypted beside it.
    pub(crate) database: &'a Path,
}

impl Source {
    /// Opens and verifies the restore point `point` in `folder`.
    ///
    /// # Errors
    /// [`Code::Damaged`] where it is damaged (the hint names the next good one), or is plaintext where an
    /// identity was given; [`Code::Usage`] where it is encrypted, and cannot be opened.
    pub(crate) fn open(folder: Folder<'_>, point: &RestorePoint, catalog: &Catalog) -> Result<Self> {
        let path = folder.backups.join(&point.file);
        folder.keys.require_of(&path, point.encrypted)?;
        if point.encrypted {
            let opened = encrypted::open_beside(folder.database, folder.backups, point, folder.keys);
            let (scratch, checked) = opened.map_err(|e| name_the_next(e, point, catalog))?;
            return Self::beside(scratch, &checked);
        }
        let file = open(&path)?;
        let progress = Progress::bytes("verifying", point.bytes);
        let checked = read_back::against(&path, point, &progress).map_err(|e| name_the_next(e, point, catalog))?;
        progress.finish();
        // The bytes that were verified are those of the open file, not of another one that took the name.
        if !is_same_file(&file, &path)? {
            return Err(Error::new(Code::Failed, format!("'{}' was replaced while it was verified", path.display()))
                .hint("nothing was changed: run this again"));
        }
        Self::new(file, path, &checked)
    }

    /// A restore point that was fetched, and verified as it lies on the disk.
    pub(crate) fn fetched(scratch: Scratch, point: &RestorePoint) -> Result<Self> {
        let shape = Shape { page_size: point.page_size, pages: point.pages, wal: false };
        let (checksums, warnings) = (point.checksums(), point.warnings.clone());
        let checked = Checked { shape, checksums, events: point.events, problem: None, warnings };
        Ok(Self { was_on_disk: true, ..Self::beside(scratch, &checked)? })
    }

    fn beside(scratch: Scratch, checked: &Checked) -> Result<Self> {
        let path = scratch.path().to_owned();
        Ok(Self { scratch: Some(scratch), ..Self::new(open(&path)?, path, checked)? })
    }

    fn new(file: File, path: PathBuf, checked: &Checked) -> Result<Self> {
        let Checked { shape, checksums, events, ref warnings, .. } = *checked;
        let (scratch, was_on_disk, warnings) = (None, false, warnings.clone());
        let mut source =
            Self { file, path, shape, checksums, events, text_encoding: 0, warnings, scratch, was_on_disk };
        let header = Header::parse(&source.page(1)?).map_err(|e| damaged(&source.path).because(e))?;
        source.text_encoding = header.text_encoding;
        Ok(source)
    }

    /// Whether it is beside the database for this restore only.
    pub(crate) fn is_temporary(&self) -> bool {
        self.scratch.is_some()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `buffer`, whole pages, from page `first` on.
    pub(crate) fn read_pages(&self, first: u32, buffer: &mut [u8]) -> Result<()> {
        let offset = u64::from(first - 1) * u64::from(self.shape.page_size);
        self.file.read_exact_at(buffer, offset).map_err(|e| Error::io("read", &self.path, e))
    }

    /// One page.
    pub(crate) fn page(&self, number: u32) -> Result<Vec<u8>> {
        let mut page = vec![0; self.shape.page_size as usize];
        self.read_pages(number, &mut page)?;
        Ok(page)
    }

    /// Fails if `read`, the checksums of a later read, differ from the verified ones.
    pub(crate) fn require_same(&self, read: Checksums) -> Result<()> {
        if read == self.checksums {
            return Ok(());
        }
        Err(Error::new(
            Code::Damaged,
            format!(
                "'{}' changed after it was verified: {}, now {}",
                self.path.display(),
                self.checksums.content,
                read.content
            ),
        )
        .hint("the backup volume does not return what it holds, or another process writes to its files: nothing was changed"))
    }
}

fn damaged(path: &Path) -> Error {
    Error::new(Code::Damaged, format!("'{}' is damaged", path.display()))
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| Error::io("open", path, e))
}

fn is_same_file(file: &File, path: &Path) -> Result<bool> {
    let open = file.metadata().map_err(|e| Error::io("look at", path, e))?;
    let named = std::fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// Adds a hint to a damage error: the next good restore point.
fn name_the_next(error: Error, damaged: &RestorePoint, catalog: &Catalog) -> Error {
    if error.code() != Code::Damaged {
        return error;
    }
    let mut others = catalog
        .points()
        .iter()
        .filter(|point| point.file != damaged.file && point.kind == Kind::Backup && point.is_verified());
    let older = others.clone().find(|point| point.created_at <= damaged.created_at);
    match older.or_else(|| others.next_back()) {
        Some(next) => {
            error.hint(format!("nothing was changed; the nearest other verified backup: --point {}", next.file))
        }
        None => error.hint("nothing was changed; there is no other verified backup here"),
    }
}
