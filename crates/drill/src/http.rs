//! One request over one connection, and how it failed. A new connection for each by default: that is what the Service
//! routes, and what a client without history sees.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cluster::Cluster;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::http::uri::InvalidUri;
use hyper::http::{HeaderValue, Uri};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use pra_core::{Code, Error, Result};
use tokio::net::TcpStream;

use super::ledger::Refusal;

/// The largest answer that is read, in bytes; a page of events has at most some four million.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// A server.
#[derive(Debug)]
pub struct Target {
    way: Way,
    /// The path that all paths begin with; mostly empty.
    base: String,
    token: Option<Token>,
}

/// How it is reached.
enum Way {
    /// At an address.
    Direct {
        address: SocketAddr,
        /// The header `Host`.
        host: String,
        /// Connections to be used again; `None`: a new one for each request.
        idle: Option<Mutex<Vec<Sender>>>,
    },
    /// Through the API server, which makes the connections.
    ApiServer(kube::Client),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Direct { address, .. } => f.debug_tuple("Direct").field(address).finish(),
            Self::ApiServer(_) => f.write_str("ApiServer"),
        }
    }
}

/// What lets us write: the application's `api_token`. Nothing shows it.
#[derive(Debug, Clone)]
pub struct Token(HeaderValue);

impl Token {
    /// The token in `text`, without the end of its line.
    ///
    /// # Errors
    /// [`Code::Usage`] where no HTTP header can hold it.
    pub fn new(text: &str) -> Result<Self> {
        let header = HeaderValue::try_from(format!("Bearer {}", text.trim()));
        let mut header =
            header.map_err(|e| Error::new(Code::Usage, "the api_token is none that HTTP can carry").because(e))?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// The application's `api_token`: from a file, or from the environment, as a Secret comes into a container; never
    /// an argument, which every user can see. `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::new`]; where the file cannot be read.
    pub fn find(file: Option<&Path>) -> Result<Option<Self>> {
        let text = match file {
            Some(path) => match std::fs::read_to_string(path) {
                // A Secret that is not there is mounted as an empty folder.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && path.parent().is_some_and(Path::is_dir) => {
                    tracing::info!(file = %path.display(), "there is no api_token");
                    String::new()
                }
                text => text.map_err(|e| Error::io("read", path, e))?,
            },
            None => std::env::var("PRA_API_TOKEN").unwrap_or_default(),
        };
        (!text.trim().is_empty()).then(|| Self::new(&text)).transpose()
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// GET or POST.
    pub method: Method,
    /// Begins with a slash.
    pub path: String,
    /// The header `Idempotency-Key`.
    pub key: Option<String>,
    /// JSON, or nothing.
    pub body: Bytes,
}

impl Target {
    /// The server at `url`. Its name is looked up once: the address of a Service stays.
    ///
    /// # Errors
    /// [`Code::Usage`] where it is no `http://` URL; [`Code::OutOfReach`] where the name is not known.
    pub async fn resolve(url: &str, keep_alive: bool, token: Option<Token>) -> Result<Self> {
        let wrong = || {
            Error::new(Code::Usage, format!("'{url}' is not of the form http://HOST[:PORT]"))
                .hint("name the application's Service with --url, such as http://events")
        };
        let uri: Uri = url.parse().map_err(|e: InvalidUri| wrong().because(e))?;
        let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(wrong());
        };
        let name = (host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(80));
        let unknown = || {
            Error::new(Code::OutOfReach, format!("failed to look up the host '{host}'")).hint(
                "outside of the cluster name an address that reaches the Service, such as its ClusterIP on a node, with --url",
            )
        };
        let mut addresses = tokio::net::lookup_host(name).await.map_err(|e| unknown().because(e))?;
        let way = Way::Direct {
            address: addresses.next().ok_or_else(unknown)?,
            host: uri.authority().map(ToString::to_string).unwrap_or_default(),
            idle: keep_alive.then(Mutex::default),
        };
        Ok(Self { way, base: uri.path().trim_end_matches('/').to_owned(), token })
    }

    /// The Service `name`, on its port 80, as the API server reaches it: wherever kubectl works, and under the same
    /// address after everything was deleted and made again.
    ///
    /// # Errors
    /// [`Code::Usage`] where there is a token: the API server takes the header for its own.
    pub fn through(cluster: &Cluster, name: &str, token: Option<Token>) -> Result<Self> {
        if token.is_some() {
            return Err(Error::new(Code::Usage, "the application's token does not get through the API server")
                .hint("name an address that reaches the application and stays, such as its Ingress, with --url"));
        }
        let base = format!("/api/v1/namespaces/{}/services/{name}:80/proxy", cluster.namespace());
        Ok(Self { way: Way::ApiServer(cluster.client().clone()), base, token })
    }

    /// Sends the request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Where there is none after `limit`.
    pub async fn ask(&self, ask: &Ask, limit: Duration) -> Result<Answer, Refusal> {
        match tokio::time::timeout(limit, self.exchange(ask)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Refusal::TimedOut),
        }
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, Refusal> {
        let (address, host, idle) = match &self.way {
            Way::Direct { address, host, idle } => (*address, host, idle.as_ref()),
            Way::ApiServer(client) => return self.through_the_api_server(client, ask).await,
        };
        let (mut sender, used) = match kept(idle).await {
            Some(sender) => (sender, true),
            None => (connect(address).await?, false),
        };
        let cut = |error: &hyper::Error| if used { Refusal::KeptAliveCut } else { refusal(error) };
        let mut request = self.request(ask).header("host", host);
        if idle.is_none() {
            request = request.header("connection", "close");
        }
        let request = request.body(Full::new(ask.body.clone())).map_err(|_impossible| Refusal::Other)?;
        let response = sender.send_request(request).await.map_err(|e| cut(&e))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|e| e.downcast_ref::<hyper::Error>().map_or(Refusal::Other, cut))?.to_bytes();
        if let Some(idle) = idle {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
        Ok(Answer { status, body })
    }

    async fn through_the_api_server(&self, client: &kube::Client, ask: &Ask) -> Result<Answer, Refusal> {
        let body = kube::client::Body::from(ask.body.to_vec());
        let request = self.request(ask).body(body).map_err(|_impossible| Refusal::Other)?;
        // What it cannot reach is a status of its own, mostly 503, or 404 while there is no such Service.
        let response = client.send(request).await.map_err(|_no_api_server| Refusal::Unreachable)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        Ok(Answer { status, body: body.map_err(|_cut| Refusal::Reset)?.to_bytes() })
    }

    fn request(&self, ask: &Ask) -> Builder {
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(format!("{}{}", self.base, ask.path))
            .header("user-agent", "mini-pra-drill");
        if !ask.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = &ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(Token(token)) = &self.token {
            request = request.header("authorization", token);
        }
        request
    }
}

/// A connection from before that is still open as far as we know.
async fn kept(idle: Option<&Mutex<Vec<Sender>>>) -> Option<Sender> {
    let idle = idle?;
    loop {
        let mut sender = idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        if sender.ready().await.is_ok() {
            return Some(sender);
        }
    }
}

async fn connect(address: SocketAddr) -> Result<Sender, Refusal> {
    let connect = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    let stream = connect.await.map_err(|e: io::Error| io_refusal(e.kind()))?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|e| refusal(&e))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // The request has failed with it, and is counted there.
            tracing::trace!(%error, "a connection ended");
        }
    });
    Ok(sender)
}

fn refusal(error: &hyper::Error) -> Refusal {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return io_refusal(error.kind());
        }
        source = cause.source();
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Refusal::Reset
    } else {
        Refusal::Other
    }
}

fn io_refusal(kind: ErrorKind) -> Refusal {
    match kind {
        ErrorKind::ConnectionRefused => Refusal::ConnectionRefused,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Refusal::Reset,
        ErrorKind::TimedOut => Refusal::TimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Refusal::Unreachable,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests;
