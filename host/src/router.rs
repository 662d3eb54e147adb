//! From a request's path to a component, with the headers that Spin adds on the way.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Request, Response, StatusCode};

use crate::app::App;
use crate::body::{Body, text};
use crate::connections::Connection;
use crate::handler::{self, Place};
use crate::route::Route;

/// Paths that the trigger answers itself.
const WELL_KNOWN: &str = "/.well-known/spin/";

/// Paths that a kubelet asks at: they never wait for other requests.
const PROBES: [&str; 2] = ["/health", "/ready"];

/// Answers one request.
pub(crate) async fn answer(
    app: Arc<App>,
    connection: Arc<Connection>,
    mut request: Request<Incoming>,
    place: Place,
) -> Response<Body> {
    connection.touch();
    if let Some(name) = request.uri().path().strip_prefix(WELL_KNOWN) {
        return match name {
            "health" => text(StatusCode::OK, "OK"),
            _ => text(StatusCode::NOT_FOUND, ""),
        };
    }
    let path = request.uri().path();
    let found = app.routes.iter().find_map(|(route, component)| Some((route, component, route.matches(path)?)));
    let Some((route, component, below)) = found else {
        return text(StatusCode::NOT_FOUND, "");
    };
    let Some(headers) = spin_headers(&request, route, below, connection.client) else {
        return text(StatusCode::BAD_REQUEST, "the Host header is missing or invalid\n");
    };
    request.headers_mut().extend(headers);
    let probe = request.method().is_safe() && PROBES.contains(&request.uri().path());
    handler::run(&app, component, &connection, request, probe, place).await
}

/// What Spin tells a component about its request. `None` where the request's authority is unknown.
fn spin_headers(request: &Request<Incoming>, route: &Route, below: &str, client: SocketAddr) -> Option<HeaderMap> {
    let host = authority(request)?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let url = format!("http://{host}{path}");
    let client = client.to_string();
    let values = [
        ("spin-path-info", below),
        ("spin-full-url", &url),
        ("spin-matched-route", route.raw()),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", route.raw()),
        ("spin-component-route", route.prefix()),
        ("spin-client-addr", &client),
    ];
    let mut headers = HeaderMap::with_capacity(values.len());
    for (name, value) in values {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

/// The one authority that the request names, in its URI or its `Host` header.
fn authority(request: &Request<Incoming>) -> Option<String> {
    let header = match request.headers().get(HOST) {
        Some(value) => Some(value.to_str().ok()?.parse::<Authority>().ok()?),
        None => None,
    };
    match (request.uri().authority(), header) {
        (Some(uri), Some(header)) if *uri != header => None,
        (Some(authority), _) => Some(authority.to_string()),
        (None, header) => header.map(|authority| authority.to_string()),
    }
}
