//! Brings a restore point beside the database, verified.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use replica::fetch::{self, Fetched, Open};
use replica::seal;

use super::choose::Choice;
use super::{Access, run};
use crate::error::{Error, Result};
use crate::files;

/// Fetches `choice` into the new file `to`, checked against every checksum that its files carry, and synced.
///
/// # Errors
/// [`crate::error::Code::NoSuchRestorePoint`] where a file has vanished since it was chosen;
/// [`crate::error::Code::VerificationFailed`] where one is damaged.
pub(crate) fn fetch(access: &Access, choice: &Choice, to: &Path) -> Result<Fetched> {
    files::require_room(files::folder_of(to), choice.bytes(), "fetching the restore point")?;
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(to);
    let file: File = file.map_err(|e| Error::io("create", to, e))?;
    let open = access.identities.clone().filter(|_| choice.sealed).map(|identities| -> Open {
        Arc::new(move |sealed: Box<dyn Read>| Ok(Box::new(seal::open(&identities, sealed)?)))
    });
    run(|| async { Ok(fetch::fetch(&choice.store, &choice.chain, open, file, &fetch::Options::default()).await?) })
}
