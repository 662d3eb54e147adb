//! An answer.

use serde::Serialize;

/// A whole answer. The same for HEAD: the server leaves the body out.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer in JSON.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        // Our own types have string keys and no floats that could fail: what is left is an empty body, never a panic.
        Self::text(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    /// An answer of a media type.
    pub(crate) fn text(status: u16, media_type: &'static str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type", media_type.to_owned()),
            ("content-length", body.len().to_string()),
            // Every answer is as of now; and `GET /add` must not be answered by a cache.
            ("cache-control", "no-store".to_owned()),
        ];
        Self { status, headers, body }
    }

    /// The same with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}
