//! An HTTP client that hides nothing: no redirects, no retries, every status is an answer.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{self, HeaderMap, Method};
use ureq::{Agent, SendBody};

/// A client of one server. Cheap to clone; clones share kept-alive connections.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    agent: Agent,
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Request<'a> {
    client: &'a Client,
    builder: http::request::Builder,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// What can be sent.
#[derive(Debug)]
pub enum Body<'a> {
    /// No body.
    None,
    /// JSON, with its content type.
    Json(&'a Value),
    /// Bytes with this content type.
    Bytes(&'a str, &'a [u8]),
}

impl Client {
    /// A client of the server at `url`, which keeps connections alive.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self::with_idle_connections(url, 8)
    }

    /// A client that makes a connection for each request, as `curl` does. A server may close a connection after it has
    /// refused a request without reading all of its body; a kept-alive one then fails at the next request.
    #[must_use]
    pub fn without_keep_alive(url: &str) -> Self {
        Self::with_idle_connections(url, 0)
    }

    fn with_idle_connections(url: &str, most: usize) -> Self {
        let config = Agent::config_builder()
            .max_idle_connections(most)
            .max_idle_connections_per_host(most)
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .user_agent("mini-pra-tests")
            .build();
        Self { url: url.trim_end_matches('/').to_owned(), agent: config.new_agent() }
    }

    /// The server's URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request of any method; `path` begins with a slash and may have a query.
    ///
    /// # Panics
    /// Where the method is no token.
    #[must_use]
    #[track_caller]
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        let method = Method::from_bytes(method.as_bytes()).expect("not a method");
        Request { client: self, builder: http::Request::builder().method(method).uri(format!("{}{path}", self.url)) }
    }

    /// `GET path`.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send(Body::None)
    }

    /// `GET path`, which must be answered 200 with JSON.
    #[track_caller]
    pub fn get_json(&self, path: &str) -> Value {
        self.get(path).expect(200).json()
    }

    /// `POST path` with JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).send(Body::Json(body))
    }
}

impl Request<'_> {
    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// Where there is no answer.
    #[track_caller]
    pub fn send(self, body: Body<'_>) -> Answer {
        self.try_send(body).unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// Where there is no answer: refused, reset, timed out.
    pub fn try_send(self, body: Body<'_>) -> Result<Answer, ureq::Error> {
        let Self { client, builder } = self;
        let text;
        let (builder, body) = match body {
            Body::None => (builder, None),
            Body::Json(value) => {
                text = value.to_string();
                (builder.header("content-type", "application/json"), Some(text.as_bytes()))
            }
            Body::Bytes(kind, bytes) => (builder.header("content-type", kind), Some(bytes)),
        };
        let response = match body {
            None => client.agent.run(builder.body(())?),
            Some(bytes) => client.agent.run(builder.body(bytes)?),
        };
        Answer::read(response?)
    }

    /// Sends a body of unknown length, in chunks.
    ///
    /// # Errors
    /// Where there is no answer.
    pub fn try_stream(self, mut body: impl Read) -> Result<Answer, ureq::Error> {
        let body = SendBody::from_reader(&mut body);
        Answer::read(self.client.agent.run(self.builder.body(body)?)?)
    }
}

impl Answer {
    fn read(response: http::Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(256 * 1024 * 1024).read_to_vec()?;
        Ok(Self { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Itself, if it has this status.
    ///
    /// # Panics
    /// Where it has another, with the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Itself, if it is a problem (RFC 9457) with this status and a detail.
    ///
    /// # Panics
    /// Where it is something else.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        answer
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header field; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
