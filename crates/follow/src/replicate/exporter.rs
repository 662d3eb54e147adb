//! `--metrics-addr`: the metrics over HTTP, for Prometheus.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use pra_core::{Code, Error, Result};
use tokio::net::TcpListener;

use super::watch::Watch;

/// Pause where no connection can be accepted: the process has too many files open, say.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Binds the address.
///
/// # Errors
/// [`Code::Usage`] where it is taken or not ours.
pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await.map_err(|e| {
        Error::new(Code::Usage, format!("failed to listen on {address} for the metrics"))
            .because(e)
            .hint("name another one with --metrics-addr; with port 0 a free one is taken")
    })?;
    let bound = listener.local_addr().map_err(|e| Error::new(Code::Failed, "failed to read the address").because(e))?;
    tracing::info!(url = format!("http://{bound}/metrics"), "metrics");
    Ok(listener)
}

/// Answers until the runtime ends.
pub(super) async fn serve(listener: TcpListener, watch: Arc<Watch>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection for the metrics");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let watch = Arc::clone(&watch);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = answer(&request, &watch);
                async { Ok::<_, Infallible>(response) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new());
            if let Err(error) = server.serve_connection(TokioIo::new(stream), answer).await {
                tracing::debug!(%error, "a connection for the metrics broke");
            }
        });
    }
}

fn answer<B>(request: &Request<B>, watch: &Watch) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match watch.samples(disk::clock::now()).encode() {
            Ok(text) => (StatusCode::OK, pra_metrics::CONTENT_TYPE, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("failed to write the metrics: {error}\n")),
        },
        (&Method::GET | &Method::HEAD, "/health") => (StatusCode::OK, PLAIN, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, PLAIN, "there is only /metrics and /health\n".into())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";
