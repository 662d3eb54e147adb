//! A safety copy that waits beside the database until it is encrypted.
//!
//! ```text
//! .pra-tmp-kept-…  follows the live database ─► .pra-kept-…  before the commit ─► encrypted into the backup folder, after it
//! ```
//! Both lie in the database's home, so that no other database's backups take them. It is plaintext where the plaintext
//! is anyway, and never on the backup volume. A run that dies in between leaves it, and the next backup or restore that
//! has recipients encrypts it.

use std::path::{Path, PathBuf};

use disk::catalog::{self, Catalog};
use disk::read_back::Checked;
use disk::sqlite::{self, Shape};
use disk::{files, home};
use jiff::Timestamp;
use pra_core::checksum::Checksum;
use pra_core::naming::{self, Kind, TEMPORARY_PREFIX};
use pra_core::restore_point::RestorePoint;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;
use store::encryption::Recipients;

use super::new_file::remove_leftovers;
use super::safety_copy::LABEL;
use crate::encrypted::{self, Copied};

/// The prefix of its name beside the database; its name in the backup folder follows, without age's extension.
const KEPT: &str = ".pra-kept-";

/// Between the prefix of all temporaries and the same.
const MAKING: &str = "kept-";

/// Where the safety copy `name` waits until it is encrypted.
///
/// # Errors
/// Where the path names no file.
pub(super) fn path(database: &Path, name: &str) -> Result<PathBuf> {
    let plain = name.strip_suffix(naming::ENCRYPTED).unwrap_or(name);
    Ok(home::folder(database)?.join(format!("{KEPT}{plain}")))
}

/// Where it is written.
///
/// # Errors
/// As [`path`].
pub(super) fn temporary(database: &Path, name: &str) -> Result<PathBuf> {
    Ok(home::folder(database)?.join(format!("{TEMPORARY_PREFIX}{MAKING}{name}")))
}

/// An encrypted safety copy under its name.
#[derive(Debug)]
pub(super) struct Encrypted {
    pub(super) checked: Checked,
    bytes: u64,
    file_checksum: Checksum,
}

impl Encrypted {
    /// `point`, with what is known of the file.
    pub(super) fn point(&self, point: RestorePoint, now: Timestamp) -> RestorePoint {
        let problem = self.checked.problem_against(point.checksums());
        RestorePoint {
            bytes: self.bytes,
            events: self.checked.events,
            verified_at: problem.is_none().then_some(now),
            error: problem,
            warnings: self.checked.warnings.clone(),
            file_checksum: Some(self.file_checksum),
            ..point
        }
    }
}

/// Encrypts the snapshot that `connection`'s transaction holds as `name` in the backup folder, whose lock the caller
/// holds.
pub(super) fn encrypt(
    connection: &Connection,
    shape: Shape,
    backups: &Path,
    name: &str,
    recipients: &Recipients,
) -> Result<Encrypted> {
    let temporary = catalog::temporary(backups, name);
    files::remove(LABEL, &temporary)?;
    let encrypted = encrypted::copy(LABEL, connection, shape, &temporary, recipients).and_then(|copied| {
        let Copied { writer, checked, bytes, file_checksum } = copied;
        Catalog::announce_in(backups, name, disk::clock::now())?;
        files::publish(LABEL, writer, &backups.join(name))?;
        Ok(Encrypted { checked, bytes, file_checksum })
    });
    if encrypted.is_err() {
        files::remove(LABEL, &temporary)?;
    }
    encrypted
}

/// Encrypts the database file at `path`, which no process uses.
pub(super) fn encrypt_file(path: &Path, backups: &Path, name: &str, recipients: &Recipients) -> Result<Encrypted> {
    let failed = |e| disk::sqlite::failed("read", path, e);
    let connection = sqlite::open_immutable(path)?;
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(failed)?;
    let (shape, _) = sqlite::shape(&connection)
        .map_err(failed)?
        .ok_or_else(|| Error::new(Code::Damaged, format!("the safety copy '{}' has no pages", path.display())))?;
    encrypt(&connection, shape, backups, name, recipients)
}

/// Encrypts the safety copies that killed restores have left beside `database`, and removes what they had opened or not
/// finished.
/// The caller holds the lock of the backup folder. A failure is logged, blocks nothing, and the next run tries again.
pub(crate) fn settle(database: &Path, backups: &Path, recipients: Option<&Recipients>, now: Timestamp) {
    if let Err(error) = try_to_settle(database, backups, recipients, now) {
        tracing::warn!(error = error.chain(), "a safety copy beside the database is not encrypted yet");
    }
}

fn try_to_settle(database: &Path, backups: &Path, recipients: Option<&Recipients>, now: Timestamp) -> Result<()> {
    remove_leftovers(database)?;
    for entry in files::entries(&home::folder(database)?)? {
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else { continue };
        if file_name.starts_with(&format!("{TEMPORARY_PREFIX}{MAKING}")) {
            files::remove(LABEL, &entry.path())?;
        }
        let Some(name) = file_name.strip_prefix(KEPT) else { continue };
        let Some((kind @ Kind::PreRestore, created_at)) = naming::parse(name) else { continue };
        let Some(recipients) = recipients else {
            return Err(Error::new(Code::Usage, format!("'{}' was to be encrypted", entry.path().display()))
                .hint("give the recipients with --recipient"));
        };
        let name = format!("{name}{}", naming::ENCRYPTED);
        let encrypted = encrypt_file(&entry.path(), backups, &name, recipients)?;
        let Checked { shape, checksums, .. } = encrypted.checked;
        let point = RestorePoint {
            page_size: shape.page_size,
            pages: shape.pages,
            content_checksum: checksums.content,
            ltx_checksum: checksums.ltx,
            ..RestorePoint::unrecorded(name, kind, created_at, 0)
        };
        let mut catalog = Catalog::read(backups)?;
        catalog.insert(encrypted.point(point, now));
        catalog.publish(backups, now)?;
        files::remove(LABEL, &entry.path())?;
    }
    Ok(())
}
