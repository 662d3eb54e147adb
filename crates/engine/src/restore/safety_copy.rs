//! The last state before a restore replaces it, kept as `pre-restore-….db` in the backup folder.
//!
//! It is written while writers are not blocked, brought up to date page by page under the write lock, and synced before
//! the restore is committed. Its checksum is updated page by page: each page's part can be removed and added.
//!
//! Where it is to be encrypted it cannot follow page by page, and encrypting it under the write lock would hold up
//! writers for its whole length. So it is written beside the database first ([`super::pending`]) and is encrypted once
//! the lock is free.

use std::path::PathBuf;
use std::time::Duration;

use disk::catalog::{self, Catalog};
use disk::files::{self, Writer};
use disk::progress::Progress;
use disk::read_back;
use disk::sqlite::Shape;
use jiff::Timestamp;
use ltx::DatabaseChecksum;
use pra_core::checksum::Checksums;
use pra_core::naming::{self, Kind};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result, header};
use rusqlite::Connection;
use store::encryption::Recipients;

use super::{Options, pending};
use crate::encrypted;

pub(super) const LABEL: &str = "restore:safety-copy";

/// A name for the safety copy of this restore.
pub(super) fn free_name(options: &Options) -> Result<String> {
    let Options { database, backups, recipients, now, .. } = options;
    let is_taken = |path: PathBuf| path.symlink_metadata().is_ok();
    let taken = |name: &str| is_taken(backups.join(name)) || pending::path(database, name).is_ok_and(is_taken);
    naming::name(Kind::PreRestore, *now, recipients.is_some(), taken).ok_or_else(|| {
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
    /// Where it waits until it is encrypted, and its recipients.
    pending: Option<(PathBuf, Recipients)>,
    page_size: u32,
    pages: u32,
    sum: DatabaseChecksum,
}

impl SafetyCopy {
    /// Makes the temporary file, after asking for room. The caller holds the lock of the backup folder.
    pub(super) fn create(options: &Options, name: &str, shape: Shape) -> Result<Self> {
        let Options { database, backups, recipients, now, .. } = options;
        let (room, temporary) = match recipients {
            None => (shape.bytes(), catalog::temporary(backups, name)),
            Some(_) => {
                let beside = files::folder_of(database);
                files::require_room(beside, shape.bytes(), "the safety copy, until it is encrypted,")?;
                (encrypted::room(shape.bytes()), pending::temporary(database, name)?)
            }
        };
        files::require_room(backups, room, "the safety copy")?;
        // Here and not when it gets its name, since writers wait then. An encrypted one is announced when it is
        // encrypted.
        if recipients.is_none() {
            Catalog::announce_in(backups, name, *now)?;
        }
        files::remove(LABEL, &temporary)?;
        let writer = Writer::create_like(LABEL, &temporary, database)?;
        Ok(Self {
            writer: Some(writer),
            folder: backups.to_owned(),
            name: name.to_owned(),
            pending: match recipients {
                Some(recipients) => Some((pending::path(database, name)?, recipients.clone())),
                None => None,
            },
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

    /// Sets page `number` to the live database's content; it may be just past the end.
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

    /// Gives it its name, durably. It is the state of the database `at` that instant.
    pub(super) fn publish(mut self, at: Timestamp) -> Result<Published> {
        let Some(writer) = self.writer.take() else { return Err(published_already()) };
        let (path, form) = match self.pending.take() {
            None => (self.folder.join(&self.name), Form::Plain),
            Some((path, recipients)) => (path.clone(), Form::Pending { path, recipients }),
        };
        files::publish(LABEL, writer, &path)?;
        Ok(Published {
            folder: self.folder.clone(),
            name: self.name.clone(),
            at,
            shape: Shape { page_size: self.page_size, pages: self.pages, wal: false },
            sum: self.sum.finish(),
            form,
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
    Error::new(Code::Failed, "the safety copy is already published")
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

/// A published safety copy.
#[derive(Debug)]
pub(super) struct Published {
    folder: PathBuf,
    name: String,
    at: Timestamp,
    shape: Shape,
    sum: Checksums,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Under its name, and not read back yet.
    Plain,
    /// Beside the database, to be encrypted.
    Pending { path: PathBuf, recipients: Recipients },
    /// Encrypted under its name, and read back.
    Encrypted(pending::Encrypted),
}

/// Encrypts the database that `connection` has locked for itself, as it is, straight into the backup folder. The caller
/// holds the lock of that folder.
pub(super) fn encrypt(
    connection: &Connection,
    shape: Shape,
    options: &Options,
    name: &str,
    recipients: &Recipients,
) -> Result<Published> {
    let Options { backups, now, .. } = options;
    let encrypted = pending::encrypt(connection, shape, backups, name, recipients)?;
    Ok(Published {
        folder: backups.clone(),
        name: name.to_owned(),
        at: *now,
        shape,
        sum: encrypted.checked.checksums,
        form: Form::Encrypted(encrypted),
    })
}

impl Published {
    /// Its name in the backup folder.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Removes it: the restore failed, and that error is the one to report.
    pub(super) fn withdraw(self) {
        let path = match &self.form {
            Form::Plain | Form::Encrypted(_) => self.folder.join(&self.name),
            Form::Pending { path, .. } => path.clone(),
        };
        if let Err(error) = files::remove(LABEL, &path).and_then(|_| files::sync_folder_of(LABEL, &path)) {
            tracing::warn!(%error, "a safety copy stays, though nothing was restored");
        }
    }

    /// Reads it back, records it in the catalog, and publishes that. `Some`: what is wrong with the copy.
    pub(super) fn record(&self, took: Duration, now: Timestamp) -> Result<Option<String>> {
        let point = RestorePoint {
            page_size: self.shape.page_size,
            pages: self.shape.pages,
            content_checksum: self.sum.content,
            ltx_checksum: self.sum.ltx,
            seconds: took.as_secs_f64(),
            ..RestorePoint::unrecorded(self.name.clone(), Kind::PreRestore, self.at, self.shape.bytes())
        };
        let point = match &self.form {
            Form::Plain => self.read_back(point, now),
            Form::Encrypted(encrypted) => encrypted.point(point, now),
            Form::Pending { path, recipients } => {
                let point = pending::encrypt_file(path, &self.folder, &self.name, recipients)?.point(point, now);
                files::remove(LABEL, path)?;
                point
            }
        };
        let problem = point.error.clone();
        let mut catalog = Catalog::read(&self.folder)?;
        catalog.insert(point);
        catalog.publish(&self.folder, now)?;
        Ok(problem)
    }

    fn read_back(&self, point: RestorePoint, now: Timestamp) -> RestorePoint {
        let progress = Progress::bytes("checking", self.shape.bytes());
        let checked = read_back::check(&self.folder.join(&self.name), &progress);
        progress.finish();
        let events = checked.as_ref().ok().and_then(|checked| checked.events);
        let warnings = checked.as_ref().map(|checked| checked.warnings.clone()).unwrap_or_default();
        let problem = match checked {
            Ok(checked) => checked.problem_against(self.sum),
            Err(error) => Some(error.to_string()),
        };
        RestorePoint { events, verified_at: problem.is_none().then_some(now), error: problem, warnings, ..point }
    }
}
