//! The head of a request.

/// A request, without its body.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method as it was sent: `GET`.
    pub method: String,
    /// The path and the query as they were sent: `/add?message=hello`.
    pub target: String,
    /// The host and port that it was sent to, which WASI keeps apart from the headers.
    pub authority: Option<String>,
    /// The headers, in order; names in any case.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// The path, still percent-encoded.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// The query, still percent-encoded; empty where there is none.
    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// All values of a header.
    pub(crate) fn header_values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The only value of a header; none where there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        match self.header_values(name).as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The length that the client says its body has.
    pub(crate) fn content_length(&self) -> Option<u64> {
        std::str::from_utf8(self.header("content-length")?).ok()?.trim().parse().ok()
    }
}
