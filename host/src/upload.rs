//! The body of a request, read before an instance is taken for it: a slow client occupies no instance.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, StatusCode};
use tokio::time::timeout_at;
use wasmtime_wasi_http::Error;

use crate::budget::{Budget, Share};

/// The largest body, in bytes. More is answered 413 without being read.
const LARGEST: usize = 8 << 20;

/// A body that has arrived, or what of it did before it failed.
pub(crate) struct Upload {
    bytes: Bytes,
    error: Option<Error>,
    /// Held as long as the bytes are.
    _share: Share,
}

/// Why a body is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLarge,
    TooSlow,
    NoRoom,
}

impl Refused {
    /// What the client is told.
    pub(crate) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
            Self::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "too many large requests at once\n"),
        }
    }
}

/// Reads the whole body. One that was cut off is passed on as far as it came, with its error: what to say to that is
/// the guest's affair.
///
/// # Errors
/// It is too large, is not there at `deadline`, or finds no room.
pub(crate) async fn receive(
    request: Request<Incoming>,
    budget: &Budget,
    deadline: Instant,
) -> Result<Request<Upload>, Refused> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LARGEST as u64) {
        return Err(Refused::TooLarge);
    }
    let (head, mut body) = request.into_parts();
    let mut share = budget.share();
    let mut bytes = Vec::new();
    let mut failed = None;
    while !body.is_end_stream() {
        match timeout_at(deadline.into(), body.frame()).await {
            Err(_) => return Err(Refused::TooSlow),
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                failed = Some(Error::from(error));
                break;
            }
            Ok(Some(Ok(frame))) => {
                let Some(piece) = frame.data_ref() else { continue };
                if piece.len() > LARGEST - bytes.len() {
                    return Err(Refused::TooLarge);
                }
                if !share.body(bytes.len() + piece.len()) {
                    return Err(Refused::NoRoom);
                }
                // Copied: a piece of one byte would keep a whole buffer of the connection.
                bytes.extend_from_slice(piece);
            }
        }
    }
    Ok(Request::from_parts(head, Upload { bytes: bytes.into(), error: failed, _share: share }))
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let upload = self.get_mut();
        if upload.bytes.is_empty() {
            return Poll::Ready(upload.error.take().map(Err));
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut upload.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.error.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
