//! The bytes of all files one after the other, requested a few ahead.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use futures_util::stream::{self, StreamExt};
use pra_core::{Code, Error, Result};
use tokio::sync::mpsc;

use super::{Object, Objects, Options};

type Sender = mpsc::Sender<Result<Bytes>>;

/// The receiving end: a reader of the file that was begun last.
#[derive(Clone)]
pub(super) struct Pieces(Arc<Mutex<State>>);

struct State {
    receiver: mpsc::Receiver<Result<Bytes>>,
    piece: Bytes,
    /// Of the current file, behind the current piece.
    rest: u64,
    /// What a request failed with: a reader can only hand on an `io::Error`.
    failure: Option<Error>,
}

/// Sender and receiver of what is requested.
pub(super) fn channel() -> (Sender, Pieces) {
    // What is ahead waits as a finished request.
    let (sender, receiver) = mpsc::channel(1);
    let state = State { receiver, piece: Bytes::new(), rest: 0, failure: None };
    (sender, Pieces(Arc::new(Mutex::new(state))))
}

/// Requests all pieces of `files` and sends them in order, until the end, a failure or until the receiver is gone.
pub(super) async fn send(objects: &dyn Objects, files: &[Object], options: &Options, sender: Sender) {
    let size = options.piece.max(1);
    let ranges = files.iter().flat_map(|file| ranges(file.size, size).map(move |range| (file, range)));
    let requests = ranges.map(|(file, range)| async move {
        let expected = range.end - range.start;
        let bytes = objects.get_range(&file.key, range).await?;
        if bytes.len() as u64 == expected {
            return Ok(bytes);
        }
        Err(Error::new(
            Code::Damaged,
            format!("'{}' is shorter than the {} bytes it was listed with", file.key, file.size),
        ))
    });
    let mut answers = stream::iter(requests).buffered(options.requests.max(1));
    while let Some(answer) = answers.next().await {
        let failed = answer.is_err();
        if sender.send(answer).await.is_err() || failed {
            return;
        }
    }
}

fn ranges(size: u64, piece: u64) -> impl Iterator<Item = Range<u64>> {
    let mut start = 0_u64;
    std::iter::from_fn(move || {
        let range = start..size.min(start.saturating_add(piece));
        start = range.end;
        (!range.is_empty()).then_some(range)
    })
}

impl Pieces {
    /// What is read from here on is the next file.
    pub(super) fn begin(&self, size: u64) {
        self.state().rest = size;
    }

    /// Whether the file has not been read to its end.
    pub(super) fn is_left(&self) -> bool {
        let state = self.state();
        state.rest > 0 || !state.piece.is_empty()
    }

    /// The failure of a request, once a reader has met it.
    pub(super) fn failure(&self) -> Option<Error> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.piece.is_empty() && state.rest > 0 {
            match state.receiver.blocking_recv() {
                Some(Ok(piece)) => {
                    state.rest = state.rest.saturating_sub(piece.len() as u64);
                    state.piece = piece;
                }
                Some(Err(error)) => {
                    state.failure = Some(error);
                    return Err(io::Error::other("the request failed"));
                }
                None => return Err(io::Error::other("the requests were given up")),
            }
        }
        let length = buffer.len().min(state.piece.len());
        state.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
