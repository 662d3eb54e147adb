//! Restore points as encrypted files: [age](https://age-encryption.org) files on the backup volume, where recipients
//! are set.
//!
//! ```text
//! live snapshot ─ pages ─► checksum ─► encrypt ─► backup folder (temporary) ─ sync ─ read back, opened ─► name
//!       └──────── integrity_check, at the same time ──────────────────────────────┘
//! ```
//! No plaintext file is made on the way. SQLite checks the snapshot itself, which its read transaction still holds, and
//! the encrypted file is decrypted from the disk to prove that it holds the same bytes. The encrypting process has no
//! identity: it keeps the key of this one file until then, and drops it.
//!
//! To be restored, an encrypted file is decrypted beside the database, which holds the plaintext anyway, and never on
//! the backup volume.

mod beside;
mod copy;
mod file;
mod keys;
mod read;

pub(crate) use beside::open_beside;
pub(crate) use copy::{Copied, copy};
pub(crate) use file::{EncryptedFile, room};
pub use keys::Keys;
pub(crate) use read::{blame, opened, require_unchanged, sum};

#[cfg(test)]
mod tests;
