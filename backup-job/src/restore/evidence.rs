//! A database that SQLite cannot read any more is kept byte for byte, where there is room: it may be what somebody
//! rescues rows from. It takes the name of a safety copy, the catalog says that it is damaged, and so nothing restores
//! it unless it is named, and even then only after it is verified.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;

use super::safety_copy::LABEL;
use crate::catalog::{self, Catalog};
use crate::error::{Error, Result};
use crate::files::{self, Writer};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// Copies `damaged`, which is the file at `path`, into `backups` as `name`, and records it there. The caller holds the
/// lock of that folder.
pub(super) fn keep(damaged: &File, path: &Path, backups: &Path, name: &str, now: Timestamp) -> Result<()> {
    let bytes = damaged.metadata().map_err(|e| Error::io("look at", path, e))?.len();
    files::require_room(backups, bytes, "the copy of the damaged database")?;
    let temporary = catalog::temporary(backups, name);
    files::remove(LABEL, &temporary)?;
    let writer = Writer::create(LABEL, &temporary)?;
    if let Err(error) = copy(damaged, path, &writer) {
        files::remove(LABEL, &temporary)?;
        return Err(error);
    }
    files::publish(LABEL, writer, &backups.join(name))?;
    let mut catalog = Catalog::read(backups)?;
    catalog.record_strangers(backups, now);
    catalog.publish(backups, now)
}

fn copy(from: &File, path: &Path, to: &Writer) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let read = from.read_at(&mut buffer, offset).map_err(|e| Error::io("read", path, e))?;
        if read == 0 {
            return Ok(());
        }
        to.write_at(&buffer[..read], offset)?;
        offset += read as u64;
    }
}
