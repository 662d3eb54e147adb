//! Sealing: objects are age files, which only the holder of an identity opens.
//!
//! Who writes needs recipients, which are no secret; the identities stay where one restores. The format is that of
//! [age](https://age-encryption.org/v1): `age -d` opens what is sealed here, and the other way round. Recipients are
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

/// What the name of a sealed object ends in.
pub const EXTENSION: &str = "age";

/// How every sealed object begins.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Whether what begins like this is sealed.
pub fn is_sealed(beginning: &[u8]) -> bool {
    beginning.starts_with(MAGIC)
}

/// What is written to it arrives sealed at the writer below. Without [`Sealer::finish`] it is cut off, and never
/// opens.
#[must_use]
pub struct Sealer<W: Write>(StreamWriter<W>);

/// Seals to all of `recipients`, any of whom can open it.
///
/// # Errors
/// Where the writer fails, or the recipients do not go together.
pub fn seal<W: Write>(recipients: &Recipients, to: W) -> Result<Sealer<W>> {
    seal_with(recipients.all(), to)
}

/// As [`seal`], and keeps the key of this one file, so that it can be read back.
///
/// # Errors
/// As [`seal`].
pub fn seal_to_read_back<W: Write>(recipients: &Recipients, to: W) -> Result<(Sealer<W>, ReadBack)> {
    let mut all = recipients.all();
    let none = || Error::new(Code::Usage, "there is no recipient to seal to");
    let first = Listening::to(all.next().ok_or_else(none)?);
    let others: Vec<&dyn age::Recipient> = all.collect();
    let sealer = seal_with(std::iter::once(&first as &dyn age::Recipient).chain(others), to)?;
    Ok((sealer, first.heard().ok_or_else(none)?))
}

fn seal_with<'a, W: Write>(recipients: impl Iterator<Item = &'a dyn age::Recipient>, to: W) -> Result<Sealer<W>> {
    let encryptor = Encryptor::with_recipients(recipients)
        .map_err(|error| Error::new(Code::Usage, "failed to seal to these recipients").because(error.to_string()))?;
    let failed = |error: io::Error| Error::new(Code::Failed, "failed to write a sealed file's header").because(error);
    Ok(Sealer(encryptor.wrap_output(to).map_err(failed)?))
}

impl<W: Write> Sealer<W> {
    /// Writes the end, and gives the writer back.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> std::fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// What is read from it was sealed to one of ours and is unchanged, or reading fails: piece by piece, and at the end
/// for the whole.
pub struct Opener<R: Read>(StreamReader<BufReader<R>>);

/// Read at once below.
const BUFFER: usize = 128 << 10;

/// Opens what was sealed.
///
/// # Errors
/// [`Code::Usage`] where it was sealed to others; [`Code::Damaged`] where it is not sealed at all, or was changed.
pub fn open<R: Read>(identities: &Identities, from: R) -> Result<Opener<R>> {
    open_with(identities.all(), from)
}

fn open_with<'a, R: Read>(identities: impl Iterator<Item = &'a dyn age::Identity>, from: R) -> Result<Opener<R>> {
    let decryptor = Decryptor::new_buffered(BufReader::with_capacity(BUFFER, from)).map_err(refused)?;
    if decryptor.is_scrypt() {
        return Err(Error::new(Code::Damaged, "the file is sealed with a passphrase, which is not our work"));
    }
    Ok(Opener(decryptor.decrypt(identities).map_err(refused)?))
}

fn refused(error: DecryptError) -> Error {
    let damaged = |message: &str| Error::new(Code::Damaged, message);
    match error {
        DecryptError::NoMatchingKeys => Error::new(Code::Usage, "none of the identities opens the sealed file")
            .hint("give the identity of one of the recipients that it was sealed to: --identity FILE"),
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => damaged("the file is not sealed, or is damaged")
            .hint("what is not sealed is not read where sealing is asked for"),
        // What a store said of its failure goes on as it is.
        DecryptError::Io(error) => match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged("the sealed file is cut off"),
            Err(error) => Error::new(Code::Failed, "failed to read a sealed file's header").because(error),
        },
        other => damaged("the sealed file is damaged").because(other.to_string()),
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
