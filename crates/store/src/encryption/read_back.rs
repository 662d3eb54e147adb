//! The key of one file, kept by the process that encrypts it until the file is read back.
//!
//! An age file is encrypted with a key of its own, which its header holds once for each recipient. The encrypting
//! process has only recipients and cannot open what it wrote. With the file's own key it can, until it drops the key.
//! The header is unchanged: it names no further recipient.

use std::collections::HashSet;
use std::io::Read;
use std::sync::OnceLock;

use age::secrecy::ExposeSecret;
use age::{DecryptError, EncryptError, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use pra_core::Result;

use super::Opener;

/// Opens the one file that was encrypted with it. Nothing shows it.
pub struct ReadBack(FileKey);

impl ReadBack {
    /// Opens the file.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open<R: Read>(&self, from: R) -> Result<Opener<R>> {
        super::open_with(std::iter::once(self as &dyn Identity), from)
    }
}

impl Identity for ReadBack {
    fn unwrap_stanza(&self, _stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        Some(Ok(copy(&self.0)))
    }
}

impl std::fmt::Debug for ReadBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadBack").finish_non_exhaustive()
    }
}

/// One of the recipients, and what it was given to wrap.
pub(super) struct Listening<'a> {
    recipient: &'a dyn Recipient,
    heard: OnceLock<FileKey>,
}

impl<'a> Listening<'a> {
    pub(super) fn to(recipient: &'a dyn Recipient) -> Self {
        Self { recipient, heard: OnceLock::new() }
    }

    /// The key; `None` before something was encrypted.
    pub(super) fn heard(self) -> Option<ReadBack> {
        self.heard.into_inner().map(ReadBack)
    }
}

impl Recipient for Listening<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        self.heard.get_or_init(|| copy(file_key));
        self.recipient.wrap_file_key(file_key)
    }
}

fn copy(key: &FileKey) -> FileKey {
    FileKey::init_with_mut(|bytes| bytes.copy_from_slice(key.expose_secret()))
}
