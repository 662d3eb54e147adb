//! An S3 server that can be careless: it takes what it is told to for a condition, and ignores the rest.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manners {
    pub(crate) puts: Care,
    pub(crate) completions: Care,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Care {
    #[default]
    Honours,
    Ignores,
    /// 501.
    Refuses,
}

/// What a server holds.
#[derive(Default)]
struct Held {
    objects: BTreeMap<String, Bytes>,
    /// The times that Litestream would find, in the order in which they came.
    times: Vec<String>,
}

pub(crate) struct Server {
    address: SocketAddr,
    held: Arc<Mutex<Held>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let held = Arc::<Mutex<Held>>::default();
        let served = Arc::clone(&held);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let held = Arc::clone(&served);
                let service = service_fn(move |request| answer(manners, Arc::clone(&held), request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Self { address, held, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.held.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn times(&self) -> Vec<String> {
        self.held.lock().unwrap().times.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    manners: Manners,
    held: Arc<Mutex<Held>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let key = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let mut held = held.lock().unwrap();
    let Held { objects, times } = &mut *held;
    times.extend(parts.headers.get("x-amz-meta-litestream-timestamp").map(|time| time.to_str().unwrap().to_owned()));
    let only_new = parts.headers.contains_key("if-none-match");
    let mut write = |care: Care, bytes: Bytes, answer: &'static str| {
        if only_new && care == Care::Refuses {
            return reply(StatusCode::NOT_IMPLEMENTED, "<Error><Code>NotImplemented</Code></Error>");
        }
        if only_new && care == Care::Honours && objects.contains_key(&key) {
            return reply(StatusCode::PRECONDITION_FAILED, "<Error><Code>PreconditionFailed</Code></Error>");
        }
        objects.insert(key.clone(), bytes);
        reply(StatusCode::OK, answer)
    };
    Ok(match parts.method {
        Method::PUT if query.contains("partNumber") => reply(StatusCode::OK, ""),
        Method::PUT => write(manners.puts, body, ""),
        Method::POST if query.starts_with("uploads") => reply(
            StatusCode::OK,
            "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
        ),
        Method::POST if query.contains("uploadId") => write(
            manners.completions,
            Bytes::from_static(b"parts"),
            "<CompleteMultipartUploadResult><ETag>\"2\"</ETag></CompleteMultipartUploadResult>",
        ),
        Method::POST if query.starts_with("delete") => {
            // The bucket's address and the keys of the body.
            let text = String::from_utf8_lossy(&body).into_owned();
            let named = text.split("<Key>").skip(1).filter_map(|rest| rest.split_once('<'));
            for (name, _) in named {
                objects.remove(&format!("{}/{name}", key.trim_end_matches('/')));
            }
            reply(StatusCode::OK, "<DeleteResult></DeleteResult>")
        }
        Method::GET => match objects.get(&key) {
            Some(bytes) => reply(StatusCode::OK, bytes.clone()),
            None => reply(StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>"),
        },
        _ => reply(StatusCode::NO_CONTENT, ""),
    })
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("etag", hyper::header::HeaderValue::from_static("\"1\""));
    headers.insert("last-modified", hyper::header::HeaderValue::from_static("Wed, 25 Nov 2026 20:00:00 GMT"));
    response
}
