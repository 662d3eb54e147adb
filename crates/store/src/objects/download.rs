//! An object as it is read: piece by piece, taken up again where a connection breaks.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use pra_core::{Code, Error, Result};
use tokio::runtime::Handle;

use super::Object;
use super::refused::{Failure, Verdict};
use super::remote::{Remote, cut_off};

/// An object that is being read. What it delivers is all of the object, or an error.
pub struct Download {
    object: Object,
    body: Body,
}

enum Body {
    Folder(Arc<File>, u64),
    Remote(Stream),
}

/// Of a folder's file, so many bytes are read at once.
const PIECE: usize = 256 << 10;

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("object", &self.object).finish_non_exhaustive()
    }
}

impl Download {
    pub(super) fn of_file(object: Object, file: File) -> Self {
        Self { object, body: Body::Folder(Arc::new(file), 0) }
    }

    pub(super) async fn of_remote(remote: Arc<Remote>, key: &str) -> Result<Self> {
        let get = || remote.request(key, None, None);
        let found = remote.retried("get", key, 0, get).await.map_err(remote.failed("read", key))?;
        let object = remote.object(&found.meta);
        let stream = Stream {
            key: key.to_owned(),
            object: object.clone(),
            at: 0,
            failures: 0,
            pieces: Some(found.into_stream()),
            remote,
        };
        Ok(Self { object, body: Body::Remote(stream) })
    }

    /// What is being read.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// Where the rest cannot be had, or the object was replaced or shortened meanwhile.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.body {
            Body::Remote(stream) => stream.next().await,
            Body::Folder(file, at) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || piece(&file)).await;
                let read = read.map_err(io::Error::other).flatten();
                let failed = |error| {
                    Error::new(Code::OutOfReach, format!("failed to read '{}'", self.object.key)).because(error)
                };
                let bytes = read.map_err(failed)?;
                *at += bytes.len() as u64;
                if bytes.is_empty() && *at != self.object.size {
                    return Err(Error::new(Code::Damaged, format!("'{}' has another size now", self.object.key)));
                }
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
        }
    }

    /// To be read on a thread that may block, which is none of the runtime's own. An error is a [`Error`] in an
    /// [`io::Error`].
    ///
    /// # Panics
    /// Not inside a runtime: there is none to wait in.
    pub fn into_read(self) -> Reader {
        Reader { download: self, piece: Bytes::new(), runtime: Handle::current() }
    }
}

fn piece(file: &File) -> io::Result<Bytes> {
    let mut buffer = Vec::with_capacity(PIECE);
    file.take(PIECE as u64).read_to_end(&mut buffer)?;
    Ok(buffer.into())
}

/// A [`Download`] as [`Read`].
#[derive(Debug)]
pub struct Reader {
    download: Download,
    piece: Bytes,
    runtime: Handle,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Body::Folder(file, at) = &mut self.download.body {
            let read = (&**file).read(buffer)?;
            *at += read as u64;
            let ended_early = read == 0 && !buffer.is_empty() && *at != self.download.object.size;
            return if ended_early { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) };
        }
        if self.piece.is_empty() {
            self.piece = self.runtime.block_on(self.download.next()).map_err(io::Error::other)?.unwrap_or_default();
        }
        let len = buffer.len().min(self.piece.len());
        buffer[..len].copy_from_slice(&self.piece.split_to(len));
        Ok(len)
    }
}

struct Stream {
    remote: Arc<Remote>,
    key: String,
    object: Object,
    /// Bytes that were delivered.
    at: u64,
    /// In a row.
    failures: u32,
    /// None after a failure.
    pieces: Option<BoxStream<'static, object_store::Result<Bytes>>>,
}

impl Stream {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let failure = match self.attempt().await {
                Ok(Some(piece)) if piece.is_empty() => continue,
                Ok(piece) => {
                    self.failures = 0;
                    return Ok(piece);
                }
                Err(failure) => failure,
            };
            self.pieces = None;
            self.failures += 1;
            if failure.verdict != Verdict::Transient || self.failures >= self.remote.options.retry.attempts {
                return Err(self.remote.failed("read", &self.key)(failure));
            }
            self.remote.pause("get", &self.key, self.failures, &failure).await;
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, Failure> {
        let size = self.object.size;
        if self.at == size {
            return Ok(None);
        }
        let mut pieces = match self.pieces.take() {
            Some(pieces) => pieces,
            None => {
                let rest = self.remote.request(&self.key, Some(self.at..size), Some(&self.object.revision));
                self.remote.in_time(0, rest).await?.into_stream()
            }
        };
        let piece = self.remote.in_time(0, async { Ok(pieces.try_next().await?) }).await?.ok_or_else(cut_off)?;
        self.at += piece.len() as u64;
        if self.at > size {
            return Err(Failure::new(Verdict::Failed, "the answer is longer than the object"));
        }
        self.pieces = Some(pieces);
        Ok(Some(piece))
    }
}
