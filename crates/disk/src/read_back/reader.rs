//! Reading a file from its start to its end: from memory where it is kept there, or from the disk itself.
//!
//! What was just written is still in memory, and to read it there proves nothing about the disk. `O_DIRECT` goes past
//! that copy and leaves it where it is: to forget it first costs three times as much, and the application then starts
//! without it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use pra_core::{Error, Result};

use super::forget_cached;

/// Bytes read at a time: a multiple of every page size.
pub(super) const CHUNK: usize = 1 << 20;

/// Where direct reads begin in the file and in memory, and how long they are: no disk has larger blocks.
const BLOCK: usize = 4096;

/// An open file, and room for a chunk of it.
pub(super) struct Reader {
    file: File,
    buffer: Vec<u8>,
    /// Where in `buffer` a block may begin.
    start: usize,
}

impl Reader {
    /// Reads what memory has.
    pub(super) fn cached(path: &Path) -> Result<Self> {
        File::open(path).map(Self::new).map_err(|e| Error::io("open", path, e))
    }

    /// Reads what the disk has. A file system that cannot be read directly (an older tmpfs) is asked to forget its
    /// copy.
    pub(super) fn disk(path: &Path) -> Result<Self> {
        let direct = OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECT.bits()).open(path).map(Self::new);
        let readable = direct.and_then(|mut reader| {
            reader.fill(0, 1)?;
            Ok(reader)
        });
        match readable {
            Err(error)
                if [Errno::EINVAL, Errno::EOPNOTSUPP].map(|e| Some(e as i32)).contains(&error.raw_os_error()) =>
            {
                forget_cached(path)?;
                Self::cached(path)
            }
            opened => opened.map_err(|e| Error::io("read", path, e)),
        }
    }

    fn new(file: File) -> Self {
        let buffer = vec![0; CHUNK + BLOCK];
        let start = buffer.as_ptr().align_offset(BLOCK).min(BLOCK);
        Self { file, buffer, start }
    }

    /// The `length` bytes at `offset`, which is a multiple of [`CHUNK`]; at most so many.
    pub(super) fn read(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        if self.fill(offset, length)? < length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
        }
        Ok(&self.buffer[self.start..self.start + length])
    }

    /// Reads whole blocks until there are `length` bytes, or the file ends. Returns how many there are, or a few more.
    fn fill(&mut self, offset: u64, length: usize) -> io::Result<usize> {
        let buffer = &mut self.buffer[self.start..][..length.min(CHUNK).next_multiple_of(BLOCK)];
        let mut filled = 0;
        // A part of a block is the file's last, and from within a block nothing can be read directly.
        while filled < length && filled.is_multiple_of(BLOCK) {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn both_readers_return_every_byte_whatever_the_length() {
        for length in [100, 512, BLOCK, BLOCK + 512, CHUNK - 512, CHUNK] {
            let bytes: Vec<u8> = (0..CHUNK + length).map(|at| (at % 251) as u8).collect();
            let file = file(&bytes);
            for open in [Reader::cached, Reader::disk] {
                let mut reader = open(file.path()).unwrap();
                assert_eq!(reader.read(0, CHUNK).unwrap(), &bytes[..CHUNK]);
                assert_eq!(reader.read(CHUNK as u64, length).unwrap(), &bytes[CHUNK..], "{length}");
            }
        }
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error_at_any_length() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1] {
            let file = file(&vec![7; 2 * BLOCK]);
            for open in [Reader::cached, Reader::disk] {
                let mut reader = open(file.path()).unwrap();
                file.as_file().set_len(length as u64).unwrap();
                let error = reader.read(0, 2 * BLOCK).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
                file.as_file().set_len(2 * BLOCK as u64).unwrap();
            }
        }
    }
}
