//! Encrypting: objects are age files, which only the holder of an identity opens.
//!
//! Who writes needs recipients, which are no secret; the identities stay where one restores. The format is that of
//! [age](https://age-encryption.org/v1): `age -d` opens what is encrypted here, and the other way round. Recipients are
//! those that need no plugin: X25519 (`age1…`) and keys in hardware (`age1tag1…`, `age1tagpq1…`).

mod key;
mod keys;
mod read_back;

use std::io::{self, BufReader, Read, Write};

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor};

pub use key::NewKey;
pub use keys::{Identities, Recipients};
pub use read_back::ReadBack;

use pra_core::{Code, Error, Result};
use read_back::Listening;

/// What the name of an encrypted object ends in.
pub const EXTENSION: &str = "age";

/// How every encrypted object begins.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Whether what begins like this is encrypted.
pub fn is_encrypted(beginning: &[u8]) -> bool {
    beginning.starts_with(MAGIC)
}

/// What is written to it arrives encrypted at the writer below. Without [`EncryptingWriter::finish`] it is cut off, and
/// never opens.
#[must_use]
pub struct EncryptingWriter<W: Write>(StreamWriter<W>);

/// Encrypts to all of `recipients`, any of whom can open it.
///
/// # Errors
/// Where the writer fails, or the recipients do not go together.
pub fn encrypt<W: Write>(recipients: &Recipients, to: W) -> Result<EncryptingWriter<W>> {
    encrypt_with(recipients.all(), to)
}

/// As [`encrypt`], and keeps the key of this one file, so that it can be read back.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_to_read_back<W: Write>(recipients: &Recipients, to: W) -> Result<(EncryptingWriter<W>, ReadBack)> {
    let mut all = recipients.all();
    let none = || Error::new(Code::Usage, "there is no recipient to encrypt to");
    let first = Listening::to(all.next().ok_or_else(none)?);
    let others: Vec<&dyn age::Recipient> = all.collect();
    let encrypting = encrypt_with(std::iter::once(&first as &dyn age::Recipient).chain(others), to)?;
    Ok((encrypting, first.heard().ok_or_else(none)?))
}

fn encrypt_with<'a, W: Write>(
    recipients: impl Iterator<Item = &'a dyn age::Recipient>,
    to: W,
) -> Result<EncryptingWriter<W>> {
    let encryptor = Encryptor::with_recipients(recipients)
        .map_err(|error| Error::new(Code::Usage, "failed to encrypt to these recipients").because(error.to_string()))?;
    let failed =
        |error: io::Error| Error::new(Code::Failed, "failed to write an encrypted file's header").because(error);
    Ok(EncryptingWriter(encryptor.wrap_output(to).map_err(failed)?))
}

impl<W: Write> EncryptingWriter<W> {
    /// Writes the end, and gives the writer back.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for EncryptingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> std::fmt::Debug for EncryptingWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptingWriter").finish_non_exhaustive()
    }
}

/// What is read from it was encrypted to one of ours and is unchanged, or reading fails: piece by piece, and at the end
/// for the whole.
pub struct Opener<R: Read>(StreamReader<BufReader<R>>);

/// Read at once below.
const BUFFER: usize = 128 << 10;

/// Opens what was encrypted.
///
/// # Errors
/// [`Code::Usage`] where it was encrypted to others; [`Code::Damaged`] where it is not encrypted at all, or was
/// changed.
pub fn open<R: Read>(identities: &Identities, from: R) -> Result<Opener<R>> {
    open_with(identities.all(), from)
}

fn open_with<'a, R: Read>(identities: impl Iterator<Item = &'a dyn age::Identity>, from: R) -> Result<Opener<R>> {
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(BUFFER, from)).map_err(refused)?;
    if decryptor.is_scrypt() {
        return Err(Error::new(Code::Damaged, "the file is encrypted with a passphrase, which is not our work"));
    }
    Ok(Opener(decryptor.decrypt(identities).map_err(refused)?))
}

fn refused(error: DecryptError) -> Error {
    let damaged = |message: &str| Error::new(Code::Damaged, message);
    match error {
        DecryptError::NoMatchingKeys => Error::new(Code::Usage, "none of the identities decrypts the file")
            .hint("give the identity of one of the recipients that it was encrypted to: --identity FILE"),
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => {
            damaged("the file is not encrypted, or is damaged")
                .hint("what is not encrypted is not read where encrypting is asked for")
        }
        // What a store said of its failure goes on as it is.
        DecryptError::Io(error) => match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged("the encrypted file is cut off"),
            Err(error) => Error::new(Code::Failed, "failed to read an encrypted file's header").because(error),
        },
        other => damaged("the encrypted file is damaged").because(other.to_string()),
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> std::fmt::Debug for Opener<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
