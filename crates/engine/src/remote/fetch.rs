//! Fetches a restore point to a file beside the database, and verifies it.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use disk::files::{self, Writer};
use disk::progress::Progress;
use pra_core::{Code, Error, Result};
use store::encryption;
use store::fetch::{self, Objects, Open};
use store::objects::Store;

use super::choose::Choice;
use super::{Access, run};

/// Fetches `choice` into the empty file `to`, checked against every checksum that its files carry, and synced. Where
/// one of them has vanished since it was chosen (retention is at work meanwhile), what was asked for is chosen once
/// more. Returns what was fetched.
///
/// # Errors
/// [`Code::NotFound`] where a file has vanished again; [`Code::Damaged`] where one is damaged.
pub(crate) fn fetch(access: &Access, choice: Choice, to: &Writer) -> Result<Choice> {
    match attempt(access, &choice, to) {
        Ok(()) => Ok(choice),
        Err(error) if error.code() == Code::NotFound => {
            tracing::warn!(error = error.chain(), "a file has gone since it was chosen: it is planned anew");
            to.truncate(0)?;
            let again = choice.again(access)?;
            attempt(access, &again, to)?;
            Ok(again)
        }
        Err(error) => Err(error),
    }
}

fn attempt(access: &Access, choice: &Choice, to: &Writer) -> Result<()> {
    files::require_room(files::folder_of(to.path()), choice.bytes(), "fetching the restore point")?;
    let file = to.file().try_clone().map_err(|e| Error::io("open", to.path(), e))?;
    let identities = if choice.encrypted { access.keys.identities()? } else { None };
    let open = identities.map(|identities| -> Open {
        Arc::new(move |encrypted: Box<dyn Read>| Ok(Box::new(encryption::open(&identities, encrypted)?)))
    });
    run(|| async {
        let counted = Counted { store: &choice.store, progress: Progress::bytes("fetching", choice.bytes()) };
        fetch::fetch(&counted, &choice.chain, open, file, &fetch::Options::default()).await?;
        Ok(())
    })
}

/// A store whose bytes are counted.
struct Counted<'a> {
    store: &'a Store,
    progress: Progress,
}

#[async_trait]
impl Objects for Counted<'_> {
    async fn get_range(&self, key: &str, range: Range<u64>) -> pra_core::Result<Bytes> {
        let bytes = self.store.get_range(key, range).await?;
        self.progress.add(bytes.len() as u64);
        Ok(bytes)
    }
}
