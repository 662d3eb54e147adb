//! A database that SQLite cannot read any more is kept byte for byte if there is room: rows may be rescued from it. It
//! gets the name of a safety copy, and the catalog says that it is damaged, so it is restored only if it is named, and
//! even then only after it is verified.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use disk::catalog::{self, Catalog};
use disk::files::{self, Writer};
use pra_core::checksum::Checksum;
use pra_core::naming::Kind;
use pra_core::restore_point::RestorePoint;
use pra_core::{Error, Result};
use store::encryption::Recipients;

use super::Options;
use super::safety_copy::LABEL;
use crate::encrypted::{self, EncryptedFile};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// Copies `damaged`, the file in the place of the database, into the backup folder as `name`, and records it
/// there. The caller holds the lock of that folder.
pub(super) fn keep(damaged: &File, options: &Options, name: &str) -> Result<()> {
    let Options { database, backups, recipients, now, .. } = options;
    let bytes = damaged.metadata().map_err(|e| Error::io("look at", database, e))?.len();
    files::require_room(backups, encrypted::room(bytes), "the copy of the damaged database")?;
    let temporary = catalog::temporary(backups, name);
    files::remove(LABEL, &temporary)?;
    let copied = match recipients {
        None => plain(damaged, database, &temporary),
        Some(recipients) => encrypt(damaged, database, &temporary, recipients),
    };
    let (writer, file) = match copied {
        Ok(copied) => copied,
        Err(error) => {
            files::remove(LABEL, &temporary)?;
            return Err(error);
        }
    };
    Catalog::announce_in(backups, name, *now)?;
    files::publish(LABEL, writer, &backups.join(name))?;
    let mut catalog = Catalog::read(backups)?;
    if let Some((bytes, checksum)) = file {
        catalog.insert(RestorePoint {
            error: Some("the database could not be read when it was kept".to_owned()),
            file_checksum: Some(checksum),
            ..RestorePoint::unrecorded(name.to_owned(), Kind::PreRestore, *now, bytes)
        });
    }
    catalog.record_unrecorded(backups, *now);
    catalog.publish(backups, *now)
}

/// The written file, and of an encrypted one its size and checksum.
type Copied = (Writer, Option<(u64, Checksum)>);

fn plain(from: &File, path: &Path, to: &Path) -> Result<Copied> {
    let writer = Writer::create_like(LABEL, to, path)?;
    let mut offset = 0;
    for_each_chunk(from, path, |bytes| {
        writer.write_at(bytes, offset)?;
        offset += bytes.len() as u64;
        Ok(())
    })?;
    Ok((writer, None))
}

fn encrypt(from: &File, path: &Path, to: &Path, recipients: &Recipients) -> Result<Copied> {
    let mut file = EncryptedFile::create(LABEL, to, path, recipients)?;
    for_each_chunk(from, path, |bytes| file.write(bytes))?;
    let written = file.finish()?;
    Ok((written.writer, Some((written.bytes, written.checksum))))
}

fn for_each_chunk(from: &File, path: &Path, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let read = from.read_at(&mut buffer, offset).map_err(|e| Error::io("read", path, e))?;
        if read == 0 {
            return Ok(());
        }
        each(&buffer[..read])?;
        offset += read as u64;
    }
}
