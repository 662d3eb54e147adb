//! Bodies of responses.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use hyper::{Response, StatusCode};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// What the host sends: its own few words, or what a guest writes.
pub(crate) enum Body {
    Text(Full<Bytes>),
    Guest(HyperOutgoingBody, Outcome),
}

/// A response in the host's own words.
pub(crate) fn text(status: StatusCode, words: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::Text(Full::from(words)));
    *response.status_mut() = status;
    response
}

impl Body {
    /// A guest's body. Where the guest fails in the middle, the connection is cut: an end like any other would make
    /// half an answer look whole.
    pub(crate) fn of_guest(body: HyperOutgoingBody, outcome: Outcome) -> Self {
        Self::Guest(body, outcome)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Text(body) => Pin::new(body).poll_frame(context).map_err(Error::from),
            Self::Guest(body, outcome) => match Pin::new(body).poll_frame(context) {
                Poll::Ready(None) if outcome.failed() => Poll::Ready(Some(Err(Error::HttpResponseIncomplete))),
                polled => polled,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(body) => body.is_end_stream(),
            Self::Guest(body, outcome) => body.is_end_stream() && !outcome.failed(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(body) => body.size_hint(),
            Self::Guest(body, _) => body.size_hint(),
        }
    }
}

/// Whether a guest failed, shared between the guest's task and its body.
#[derive(Clone, Default)]
pub(crate) struct Outcome(Arc<AtomicBool>);

impl Outcome {
    fn failed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// A guard that reports failure unless it is told otherwise before it is dropped.
    pub(crate) fn unfinished(&self) -> Unfinished {
        Unfinished(Some(self.clone()))
    }
}

/// See [`Outcome::unfinished`].
pub(crate) struct Unfinished(Option<Outcome>);

impl Unfinished {
    /// The guest returned.
    pub(crate) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(outcome) = &self.0 {
            outcome.0.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn written(outcome: &Outcome) -> Body {
        let body = Full::from("half").map_err(|never| match never {}).boxed_unsync();
        Body::of_guest(body, outcome.clone())
    }

    #[tokio::test]
    async fn a_body_whose_guest_returned_is_whole() {
        let outcome = Outcome::default();
        let body = written(&outcome);
        outcome.unfinished().done();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "half");
    }

    #[tokio::test]
    async fn a_body_whose_guest_failed_ends_with_an_error() {
        let outcome = Outcome::default();
        let body = written(&outcome);
        drop(outcome.unfinished());
        assert!(matches!(body.collect().await, Err(Error::HttpResponseIncomplete)));
    }
}
