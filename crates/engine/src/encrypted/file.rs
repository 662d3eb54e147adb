//! An encrypted file that is being written: the data is encrypted on its way to the disk.

use std::io::{self, Write};
use std::path::Path;

use crc_fast::Digest;
use disk::files::Writer;
use pra_core::checksum::Checksum;
use pra_core::{Error, Result};
use store::encryption::{self, EncryptingWriter, ReadBack, Recipients};

/// Bytes written at a time. age encrypts 64 KiB at a time.
const BUFFER: usize = 1 << 20;

/// Plaintext in one of age's pieces, and what each of them takes more. <https://age-encryption.org/v1>
const PIECE: u64 = 64 << 10;
const TAG: u64 = 16;

/// Headers with some recipients are shorter.
const HEADER: u64 = 64 << 10;

/// Room that an encrypted file of so many plain bytes takes, at most.
pub(crate) fn room(plain: u64) -> u64 {
    plain.saturating_add((plain / PIECE + 1) * TAG).saturating_add(HEADER)
}

/// An encrypted file that is being written.
#[derive(Debug)]
pub(crate) struct EncryptedFile {
    encrypting: EncryptingWriter<Sink>,
    key: ReadBack,
}

/// An encrypted file that is written, but neither synced nor named.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) writer: Writer,
    /// Its size.
    pub(crate) bytes: u64,
    /// Of the encrypted file.
    pub(crate) checksum: Checksum,
    /// What opens it.
    pub(crate) key: ReadBack,
}

impl EncryptedFile {
    /// Makes a new file at `path`, no wider than the database `like`; one of that name must not exist.
    pub(crate) fn create(label: &'static str, path: &Path, like: &Path, recipients: &Recipients) -> Result<Self> {
        let sink = Sink {
            writer: Writer::create_like(label, path, like)?,
            written: 0,
            digest: ltx::digest(),
            buffer: Vec::with_capacity(BUFFER + PIECE as usize),
        };
        let (encrypting, key) = encryption::encrypt_to_read_back(recipients, sink)?;
        Ok(Self { encrypting, key })
    }

    /// Appends plaintext.
    pub(crate) fn write(&mut self, plain: &[u8]) -> Result<()> {
        self.encrypting.write_all(plain).map_err(ours)
    }

    /// Writes the end. Does not sync.
    pub(crate) fn finish(self) -> Result<Written> {
        let Self { encrypting, key } = self;
        let mut sink = encrypting.finish().map_err(ours)?;
        sink.flush().map_err(ours)?;
        let Sink { writer, written, digest, buffer: _ } = sink;
        Ok(Written { writer, bytes: written, checksum: Checksum::from(digest.finalize()), key })
    }
}

/// The output of the encryption.
struct Sink {
    writer: Writer,
    written: u64,
    digest: Digest,
    buffer: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.writer.write_at(&self.buffer, self.written).map_err(io::Error::other)?;
        self.digest.update(&self.buffer);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// An error of [`Sink`] is returned unchanged; the encryption has no errors of its own.
fn ours(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|error| Error::io("encrypt into", Path::new("the backup folder"), error))
}
