//! What is to be written: bytes, or a file that is read piece by piece and may still be growing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use pra_core::Result;

use super::growing::GrowingFile;
use crate::buffers::{Buffers, Lent};

/// What is to be written.
#[derive(Debug, Clone)]
pub enum Content {
    /// Held in memory.
    Bytes(Bytes),
    /// A file that does not change meanwhile.
    File(SourceFile),
    /// A file that is still written.
    Growing(GrowingFile),
}

/// An open file and its size.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) len: u64,
}

/// So much of a file is in memory.
const PIECE: usize = 256 << 10;

impl Content {
    /// The file at `path`.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| crate::error::io("open", path, error))?;
        let len = file.metadata().map_err(|error| crate::error::io("look at", path, error))?.len();
        Ok(Self::File(SourceFile { path: path.to_owned(), file: Arc::new(file), len }))
    }

    /// In bytes; of a file that is still written, so far.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(source) => source.len,
            Self::Growing(growing) => growing.len(),
        }
    }

    /// About how long it will be, in bytes.
    pub(super) fn bound(&self) -> u64 {
        match self {
            Self::Growing(growing) => growing.source.len,
            whole => whole.len(),
        }
    }

    /// Waits until all of it is there.
    pub(super) async fn whole(self) -> io::Result<Self> {
        match self {
            Self::Growing(growing) => growing.whole().await.map(Self::File),
            whole => Ok(whole),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the file that it is.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Bytes(_) => None,
            Self::File(source) | Self::Growing(GrowingFile { source, .. }) => Some(&source.path),
        }
    }

    /// Shows all of it to `visit`, with the offset of each piece. On a thread that may block.
    pub(super) fn pieces(&self, mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut at = 0;
        while at < self.len() {
            buffer.resize(usize::try_from(self.len() - at).map_or(PIECE, |rest| rest.min(PIECE)), 0);
            self.read_at(&mut buffer, at)?;
            visit(at, &buffer)?;
            at += buffer.len() as u64;
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset).ok().and_then(|from| bytes.get(from..));
                let part = from.and_then(|rest| rest.get(..buffer.len()));
                buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Self::File(source) | Self::Growing(GrowingFile { source, .. }) => source.file.read_exact_at(buffer, offset),
        }
    }

    /// `len` bytes from `offset`, all of which the content must have.
    pub(super) async fn read(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        if let Self::Bytes(bytes) = self
            && offset == 0
            && len == bytes.len()
        {
            return Ok(bytes.clone());
        }
        self.read_into(Buffers::default().of_len(len), offset).await
    }

    /// `len` bytes from `offset`, once they are there; fewer at the end, none behind it.
    pub(super) async fn part(&self, buffers: &Buffers, offset: u64, len: u64) -> io::Result<Bytes> {
        let reached = match self {
            Self::Growing(growing) => growing.reach(offset.saturating_add(len)).await?,
            whole => whole.len(),
        };
        let len = reached.saturating_sub(offset).min(len);
        if len == 0 {
            return Ok(Bytes::new());
        }
        self.read_into(buffers.of_len(usize::try_from(len).map_err(io::Error::other)?), offset).await
    }

    /// Fills `buffer` from `offset` on.
    async fn read_into(&self, mut buffer: Lent, offset: u64) -> io::Result<Bytes> {
        let content = self.clone();
        let read = move || {
            content.read_at(&mut buffer, offset)?;
            Ok(buffer.into())
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }
}

impl From<GrowingFile> for Content {
    fn from(growing: GrowingFile) -> Self {
        Self::Growing(growing)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::growing::Grower;
    use super::*;

    async fn parts(content: &Content, size: u64) -> Vec<Bytes> {
        let mut parts = Vec::new();
        loop {
            let part = content.part(&Buffers::default(), parts.len() as u64 * size, size).await.unwrap();
            if part.is_empty() {
                return parts;
            }
            parts.push(part);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_parts_are_the_whole_without_gap(bytes in proptest::collection::vec(any::<u8>(), 0..500), size in 1_u64..200) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            let (grower, growing) = Grower::open(file.path(), 1000).unwrap();
            grower.grown(bytes.len() as u64);
            grower.end();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for content in [bytes.clone().into(), Content::open(file.path()).unwrap(), growing.into()] {
                let parts = runtime.block_on(parts(&content, size));
                prop_assert_eq!(parts.concat(), &bytes[..]);
                let last = parts.len().saturating_sub(1);
                prop_assert!(parts.iter().take(last).all(|part| part.len() as u64 == size));
            }
        }
    }
}
