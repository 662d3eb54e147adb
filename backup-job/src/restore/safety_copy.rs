//! The last state before a restore replaces it, kept as `pre-restore-….db` in the backup folder.
//!
//! It is written while nobody is locked out, brought up to date page by page under the write lock, and stands under its
//! name before the restore is committed. Its checksum is kept along: each page's part can be taken out and put in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{self, Catalog};
use crate::error::{Code, Error, Result};
use crate::files::{self, Writer};
use crate::model::checksum::DatabaseChecksum;
use crate::model::header;
use crate::model::naming::{self, Kind};
use crate::model::restore_point::RestorePoint;
use crate::progress::Progress;
use crate::sqlite::Shape;
use crate::verify;

pub(super) const LABEL: &str = "restore:safety-copy";

/// A name for a safety copy made at `now`.
pub(super) fn free_name(backups: &Path, now: Timestamp) -> Result<String> {
    naming::name(Kind::PreRestore, now, |name| backups.join(name).symlink_metadata().is_ok()).ok_or_else(|| {
        Error::new(
            Code::Busy,
            format!("every name for a safety copy of this second is taken in '{}'", backups.display()),
        )
        .hint("run this again in a second")
    })
}

/// A safety copy in the making. Dropped before [`SafetyCopy::publish`], it leaves nothing behind.
#[derive(Debug)]
pub(super) struct SafetyCopy {
    /// `None` once it is published.
    writer: Option<Writer>,
    folder: PathBuf,
    name: String,
    page_size: u32,
    pages: u32,
    sum: DatabaseChecksum,
}

impl SafetyCopy {
    /// Makes the temporary file, after asking for room. The caller holds the lock of the backup folder.
    pub(super) fn create(folder: &Path, name: &str, shape: Shape) -> Result<Self> {
        files::require_room(folder, shape.bytes(), "the safety copy")?;
        let temporary = catalog::temporary(folder, name);
        files::remove(LABEL, &temporary)?;
        let writer = Writer::create(LABEL, &temporary)?;
        Ok(Self {
            writer: Some(writer),
            folder: folder.to_owned(),
            name: name.to_owned(),
            page_size: shape.page_size,
            pages: 0,
            sum: DatabaseChecksum::new(shape.page_size),
        })
    }

    /// Empties it, for another pass.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.pages = 0;
        self.sum = DatabaseChecksum::new(self.page_size);
        self.writer()?.truncate(0)
    }

    /// Appends whole pages; page 1 must say rollback journal.
    pub(super) fn append(&mut self, pages: &[u8]) -> Result<()> {
        let offset = self.offset(self.pages + 1);
        self.writer()?.write_at(pages, offset)?;
        for page in pages.chunks_exact(self.page_size as usize) {
            self.pages += 1;
            self.sum.add(self.pages, page);
        }
        Ok(())
    }

    /// Makes page `number` what the live database has there now; it may lie just past the end.
    pub(super) fn update(&mut self, number: u32, live: &[u8]) -> Result<()> {
        let mut page = live.to_vec();
        if number == 1 {
            header::set_journal_mode(&mut page, false);
        }
        if number > self.pages {
            return self.append(&page);
        }
        let old = self.page(number)?;
        if old != page {
            self.writer()?.write_at(&page, self.offset(number))?;
            // The sum is an XOR: adding a part once more takes it out.
            self.sum.add(number, &old);
            self.sum.add(number, &page);
        }
        Ok(())
    }

    /// Drops the pages above `pages`.
    pub(super) fn shrink(&mut self, pages: u32) -> Result<()> {
        while self.pages > pages {
            let old = self.page(self.pages)?;
            self.sum.add(self.pages, &old);
            self.pages -= 1;
        }
        self.writer()?.truncate(u64::from(pages) * u64::from(self.page_size))
    }

    /// Brings what was written so far to the disk, so that little is left to do under the lock.
    pub(super) fn sync(&self) -> Result<()> {
        self.writer()?.sync()
    }

    /// Gives it its name, durably. It is what stands in the database `at` that instant.
    pub(super) fn publish(mut self, at: Timestamp) -> Result<Published> {
        let Some(writer) = self.writer.take() else { return Err(published_already()) };
        files::publish(LABEL, writer, &self.folder.join(&self.name))?;
        Ok(Published {
            folder: self.folder.clone(),
            name: self.name.clone(),
            at,
            shape: Shape { page_size: self.page_size, pages: self.pages, wal: false },
            sum: self.sum.clone(),
        })
    }

    fn page(&self, number: u32) -> Result<Vec<u8>> {
        let mut page = vec![0; self.page_size as usize];
        self.writer()?.read_at(&mut page, self.offset(number))?;
        Ok(page)
    }

    fn offset(&self, number: u32) -> u64 {
        u64::from(number - 1) * u64::from(self.page_size)
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(published_already)
    }
}

fn published_already() -> Error {
    Error::new(Code::Failed, "the safety copy stands already")
}

impl Drop for SafetyCopy {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer
            && let Err(error) = files::remove(LABEL, writer.path())
        {
            tracing::warn!(%error, "the temporary safety copy stays until the next run removes it");
        }
    }
}

/// A safety copy under its name.
#[derive(Debug)]
pub(super) struct Published {
    folder: PathBuf,
    name: String,
    at: Timestamp,
    shape: Shape,
    sum: DatabaseChecksum,
}

impl Published {
    /// Its name in the backup folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Takes it back: what it was made for did not happen, and that is the error to report.
    pub(super) fn withdraw(self) {
        let path = self.folder.join(&self.name);
        if let Err(error) = files::remove(LABEL, &path).and_then(|_| files::sync_folder_of(LABEL, &path)) {
            tracing::warn!(%error, "a safety copy stays, though nothing was restored");
        }
    }

    /// Reads it back, records it in the catalog, and publishes that. `Some`: what is wrong with the copy.
    pub(super) fn record(&self, took: Duration, now: Timestamp) -> Result<Option<String>> {
        let path = self.folder.join(&self.name);
        let progress = Progress::bytes("checking", self.shape.bytes());
        let written = self.sum.finish();
        let (events, problem) = match verify::check(&path, &progress) {
            Ok(checked) if checked.checksums != written => {
                (checked.events, Some(format!("it reads back as {}, {} was written", checked.checksums, written)))
            }
            Ok(checked) => (checked.events, checked.problem),
            Err(error) => (None, Some(error.to_string())),
        };
        progress.finish();
        let point = RestorePoint {
            file: self.name.clone(),
            kind: Kind::PreRestore,
            created_at: self.at,
            bytes: self.shape.bytes(),
            page_size: self.shape.page_size,
            pages: self.shape.pages,
            events,
            content_checksum: written.content,
            ltx_checksum: written.ltx,
            verified_at: problem.is_none().then_some(now),
            error: problem.clone(),
            seconds: took.as_secs_f64(),
            unchanged_since: None,
        };
        let mut catalog = Catalog::read(&self.folder)?;
        catalog.insert(point);
        catalog.publish(&self.folder, now)?;
        Ok(problem)
    }
}
