//! Files as a tar archive: sorted, with no trace of who made it, when and where.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A file or folder of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Relative to the root.
    path: String,
    mode: u32,
    /// User and group.
    owner: u64,
    /// `None` for a folder.
    content: Option<Vec<u8>>,
}

impl Entry {
    /// A folder of root.
    pub(crate) fn folder(path: &str, mode: u32) -> Self {
        Self { path: path.to_owned(), mode, owner: 0, content: None }
    }

    /// A file of root.
    pub(crate) fn file(path: &str, mode: u32, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode, owner: 0, content: Some(content) }
    }

    /// The same of another user.
    pub(crate) fn of(self, owner: u64) -> Self {
        Self { owner, ..self }
    }
}

/// The entries as one archive; `time` is what each was last changed at, in seconds since 1970.
///
/// # Errors
/// A path that no tar archive can hold.
pub(crate) fn tar(mut entries: Vec<Entry>, time: u64) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut archive = Builder::new(Vec::new());
    for Entry { path, mode, owner, content } in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(if content.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_mode(mode);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mtime(time);
        let content = content.unwrap_or_default();
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, &path, content.as_slice())
            .with_context(|| format!("failed to archive '{path}'"))?;
    }
    archive.into_inner().context("failed to end an archive")
}

/// `bytes` with gzip, without name and time.
///
/// # Errors
/// None that can be expected: it is all in memory.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
