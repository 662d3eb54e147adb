//! Where a component may send HTTP requests, and the sending.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// An entry of `allowed_outbound_hosts`: `http://host`, `http://host:port` or `http://host:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    host: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads one entry.
    ///
    /// # Errors
    /// What the host does not support about it, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unsupported = |what: &str| Err(format!("host does not support {what} ({text:?}): run it under spin"));
        let Some(authority) = text.strip_prefix("http://") else {
            return unsupported("anything but http:// here");
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, None),
            Some((host, port)) => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => return unsupported("such a port"),
            },
            None => (authority, Some(80)),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || host == "self" || host.ends_with(".spin.internal") || !host.chars().all(plain) {
            return unsupported("such a host name");
        }
        Ok(Self { host: host.to_ascii_lowercase(), port })
    }

    fn allows(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some("http")
            && uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
            && self.port.is_none_or(|port| port == uri.port_u16().unwrap_or(80))
    }
}

/// What `wasi:http` asks the host about: one instance's outgoing requests.
pub(crate) struct Outbound {
    allowed: std::sync::Arc<[AllowedHost]>,
}

impl Outbound {
    /// Lets requests through to these hosts and to no other.
    pub(crate) fn new(allowed: std::sync::Arc<[AllowedHost]>) -> Self {
        Self { allowed }
    }
}

type Finished = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Finished), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Finished,
    ) -> Sending {
        if !self.allowed.iter().any(|host| host.allows(request.uri())) {
            let host = request.uri().host().unwrap_or("").to_owned();
            tracing::warn!(host, "refused an outbound request: not in allowed_outbound_hosts");
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(send(request))
    }
}

/// Sends one request over a connection of its own; the caller's time limit bounds all of it.
async fn send(mut request: Request<WasiBody>) -> Result<(Response<WasiBody>, Finished), Error> {
    let uri = request.uri().clone();
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?.to_owned();
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await.map_err(Error::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The guest's instance ends with its request, and so does this connection: the sender is dropped with it.
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() =
        Uri::builder().path_and_query(path).build().map_err(|error| Error::InternalError(Some(error.to_string())))?;
    let response = sender.send_request(request).await?;
    let finished: Finished = Box::new(async move {
        match connection.await {
            Ok(result) => result.map_err(Error::from),
            Err(error) => Err(Error::InternalError(Some(error.to_string()))),
        }
    });
    Ok((
        response.map(|body| body.map_err(Error::from).map_frame(|frame| frame.map_data(Bytes::from)).boxed_unsync()),
        finished,
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::pin::Pin;

    use http_body_util::Empty;

    use super::*;

    fn request(uri: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Request::builder().uri(uri).body(body).unwrap()
    }

    async fn send_through(allowed: &[&str], uri: &str) -> Result<(u16, Bytes), Error> {
        let allowed: Vec<_> = allowed.iter().map(|host| AllowedHost::parse(host).unwrap()).collect();
        let sending = Outbound::new(allowed.into()).send_request(request(uri), None, Box::new(async { Ok(()) }));
        let (response, _) = Pin::from(sending).await?;
        Ok((response.status().as_u16(), response.into_body().collect().await?.to_bytes()))
    }

    #[tokio::test]
    async fn without_an_entry_no_request_leaves() {
        let refused = send_through(&[], "http://127.0.0.1:1/").await;
        assert!(matches!(refused, Err(Error::HttpRequestDenied)), "{refused:?}");
    }

    #[tokio::test]
    async fn an_allowed_host_is_reached_at_its_own_port_only() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 6];
            stream.read_exact(&mut head).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
            assert_eq!(&head, b"GET /a");
        });
        let entry = format!("http://127.0.0.1:{port}");
        let other = send_through(&[&entry], &format!("http://127.0.0.1:{}/a", port ^ 1)).await;
        assert!(matches!(other, Err(Error::HttpRequestDenied)), "{other:?}");
        assert_eq!(send_through(&[&entry], &format!("{entry}/a")).await.unwrap(), (200, Bytes::from("hi")));
        server.join().unwrap();
    }

    #[test]
    fn an_entry_without_a_port_means_80_and_a_star_any() {
        let allows = |entry: &str, uri: &str| AllowedHost::parse(entry).unwrap().allows(&uri.parse().unwrap());
        assert!(allows("http://a.example", "http://a.example/x"));
        assert!(!allows("http://a.example", "http://a.example:8080/x"));
        assert!(allows("http://a.example:*", "http://A.example:8080/x"));
        assert!(!allows("http://a.example", "http://b.a.example/"));
        assert!(!allows("http://a.example:443", "https://a.example/"));
    }

    #[test]
    fn patterns_that_only_spin_understands_are_refused_by_name() {
        for entry in [
            "https://a.example",
            "*://a:1",
            "http://*.example",
            "http://a:1..9",
            "http://self",
            "http://",
            "a",
            "http://a/b",
        ] {
            let words = AllowedHost::parse(entry).unwrap_err();
            assert!(words.contains("host does not support") && words.contains(entry), "{words}");
        }
    }
}
