//! Every HTTP request to a store passes here: it is counted, told to the log, and its refusal made an error that
//! says what it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use object_store::{Certificate, ClientOptions, HeaderValue};

use super::refused::Refused;

/// What has gone over the wire since the store was opened. A folder has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// HTTP requests, failed ones included.
    pub requests: u64,
    /// Bytes of bodies that were sent.
    pub sent: u64,
    /// Bytes of bodies that were announced to us.
    pub received: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counters {
    pub(super) fn traffic(&self) -> Traffic {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { requests: load(&self.requests), sent: load(&self.sent), received: load(&self.received) }
    }
}

/// Makes [`Wire`]s.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) counters: Arc<Counters>,
    /// Completing a multipart upload must not replace an object either; `object_store` asks for that on single PUTs
    /// alone. S3's header for it needs no signature.
    pub(super) guards_completion: bool,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let connect = |options: &ClientOptions| ReqwestConnector::default().connect(options);
        // Our images hold no certificates, and without any there is no client, not even for plain HTTP.
        let inner = connect(options).or_else(|_no_certificates| connect(&with_mozillas_certificates(options)?))?;
        let (counters, guards_completion) = (Arc::clone(&self.counters), self.guards_completion);
        Ok(HttpClient::new(Wire { inner, counters, guards_completion }))
    }
}

fn with_mozillas_certificates(options: &ClientOptions) -> object_store::Result<ClientOptions> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    roots
        .map(|root| Certificate::from_der(root))
        .try_fold(options.clone(), |options, root| Ok(options.with_root_certificate(root?)))
}

#[derive(Debug)]
struct Wire {
    inner: HttpClient,
    counters: Arc<Counters>,
    guards_completion: bool,
}

/// Where clouds give a machine its keys.
const METADATA_SERVICE: &str = "169.254.169.254";

#[derive(Debug, thiserror::Error)]
#[error("no keys are set, and this machine has no metadata service that gives any")]
struct NoKeys;

/// A refusal that is longer is none of a store's.
const LONGEST_REFUSAL: usize = 64 << 10;

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let completes = request.method() == "POST" && request.uri().query().is_some_and(|q| q.contains("uploadId="));
        if completes && self.guards_completion {
            request.headers_mut().insert("if-none-match", HeaderValue::from_static("*"));
        }
        let add = |counter: &AtomicU64, by: u64| counter.fetch_add(by, Ordering::Relaxed);
        add(&self.counters.requests, 1);
        add(&self.counters.sent, length(request.headers()));
        // The query may hold a token.
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let start = Instant::now();
        let asks_for_keys = request.uri().host() == Some(METADATA_SERVICE);
        let answer = self.inner.execute(request).await.map_err(|error| {
            tracing::debug!(%method, path, ms = start.elapsed().as_millis(), kind = ?error.kind(), "request failed");
            if asks_for_keys { HttpError::new(error.kind(), NoKeys) } else { error }
        })?;
        let status = answer.status();
        tracing::debug!(%method, path, ms = start.elapsed().as_millis(), status = status.as_u16(), "request");
        add(&self.counters.received, length(answer.headers()));
        if status.is_success() {
            return Ok(answer);
        }
        let named = answer.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok()).map(str::to_owned);
        let mut refused = Refused::parse(status.as_u16(), &text(answer.into_body()).await);
        refused.code = named.unwrap_or(refused.code);
        Err(HttpError::new(HttpErrorKind::Unknown, refused))
    }
}

fn length(headers: &object_store::HeaderMap) -> u64 {
    let value = headers.get("content-length").and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// As much of a refusal as arrives: its status is what counts.
async fn text(body: HttpResponseBody) -> String {
    let mut stream = body.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(Ok(chunk)) = stream.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST_REFUSAL {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
