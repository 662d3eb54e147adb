//! Restore points as encrypted files: [age](https://age-encryption.org) files on the backup volume, where recipients are
//! set.
//!
//! ```text
//! live snapshot ─ pages ─► checksum ─► encrypt ─► backup folder (temporary) ─ sync ─ read back, opened ─► name
//!       └──────── integrity_check, at the same time ──────────────────────────────┘
//! ```
//! No plaintext file is made on the way: what SQLite checks is the snapshot itself, which its read transaction holds
//! still, and the encrypted file is proved to hold that very snapshot, to the byte, by opening it again as it lies on the
//! disk. The one who encrypts has no identity: it keeps the key of this one file until then, and forgets it.
//!
//! To be restored, an encrypted file is opened beside the database, which holds the plaintext anyway, and never on the
//! backup volume.

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
