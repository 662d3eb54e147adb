//! A mocked API server: a scenario of requests in order, each with its answer. Another request, or one that is missing,
//! fails the test.

use std::time::Duration;

use hyper::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::Cluster;

/// A request that is expected, and its answer.
pub(crate) struct Exchange {
    method: &'static str,
    path: String,
    status: u16,
    answer: String,
    body: Option<fn(&Value)>,
}

impl Exchange {
    /// A request that succeeds; the query is not compared.
    pub(crate) fn new(method: &'static str, path: impl Into<String>, answer: impl ToString) -> Self {
        Self { method, path: path.into(), status: 200, answer: answer.to_string(), body: None }
    }

    /// A request that is refused.
    pub(crate) fn refused(method: &'static str, path: impl Into<String>, code: u16, reason: &str) -> Self {
        let answer =
            json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason });
        Self { status: code, ..Self::new(method, path, answer) }
    }

    /// What the request's body must be.
    pub(crate) fn with_body(self, check: fn(&Value)) -> Self {
        Self { body: Some(check), ..self }
    }
}

/// The namespace `pra` of a cluster that expects these requests, and the server to wait for in the end.
pub(crate) fn server(exchanges: Vec<Exchange>) -> (Cluster, JoinHandle<()>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = tokio::spawn(async move {
        for Exchange { method, path, status, answer, body } in exchanges {
            let next = tokio::time::timeout(Duration::from_secs(10), handle.next_request()).await;
            let (request, send) = next.unwrap_or_else(|_| panic!("no request came for {method} {path}")).unwrap();
            assert_eq!((request.method().as_str(), request.uri().path()), (method, path.as_str()));
            if let Some(check) = body {
                let bytes = request.into_body().collect_bytes().await.unwrap();
                check(&serde_json::from_slice(&bytes).unwrap());
            }
            send.send_response(Response::builder().status(status).body(Body::from(answer.into_bytes())).unwrap());
        }
        if let Some((request, _)) = handle.next_request().await {
            panic!("unexpected request: {} {}", request.method(), request.uri());
        }
    });
    (Cluster::new(kube::Client::new(service, "pra"), "pra"), server)
}

/// Drops the cluster, and waits until the server has seen all that it expects and nothing more.
pub(crate) async fn over(cluster: Cluster, server: JoinHandle<()>) {
    drop(cluster);
    server.await.unwrap();
}

/// A list of a kind.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items })
}
