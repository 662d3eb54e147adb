//! A blocking HTTP/1.1 client that does no more than a load generator needs.
//!
//! Eight of them share two cores with the server that they measure, so what they cost is taken
//! from it: no runtime, one buffer per client, nothing decoded but the head and the body's length.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longer than any server may wait for a lock (5 s), so that a slow answer is measured as slow.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// One client; keeps its connection as long as the server does.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// The request line, the headers and the body of a request, ready to be sent again and again.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// As [`get`], for a JSON body.
pub(crate) fn post_json(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends `request`, reads the whole answer, returns its status. Nothing is sent twice: a
    /// connection that breaks is an error, and the next request opens a new one.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.write_all(request).context("failed to send the request")?;
        let head = self.read_head(&mut stream)?;
        self.read_body(&mut stream, &head)?;
        if !head.close {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream =
            TcpStream::connect(self.address).with_context(|| format!("failed to connect to '{}'", self.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(stream)
    }

    fn read_head(&mut self, stream: &mut TcpStream) -> Result<Head> {
        self.buffer.clear();
        loop {
            if self.fill(stream)? == 0 {
                bail!("the server closed the connection before its answer was whole");
            }
            if let Some(head) = Head::parse(&self.buffer)? {
                return Ok(head);
            }
        }
    }

    fn read_body(&mut self, stream: &mut TcpStream, head: &Head) -> Result<()> {
        while !head.body.is_whole(&self.buffer[head.length..])? {
            if self.fill(stream)? == 0 {
                if matches!(head.body, Body::UntilClosed) {
                    return Ok(());
                }
                bail!("the server closed the connection before its answer was whole");
            }
        }
        Ok(())
    }

    /// Appends what the socket has; 0 is the end of the stream.
    fn fill(&mut self, stream: &mut TcpStream) -> Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let read = stream.read(&mut chunk).context("failed to read the answer")?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read)
    }
}

struct Head {
    status: u16,
    /// Bytes up to and with the blank line.
    length: usize,
    body: Body,
    close: bool,
}

enum Body {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Head {
    /// `None` as long as the blank line is not there.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).context("failed to parse the answer's head")?
        else {
            return Ok(None);
        };
        let mut head = Self { status: response.code.unwrap_or(0), length, body: Body::UntilClosed, close: false };
        for header in response.headers.iter() {
            let value = std::str::from_utf8(header.value).unwrap_or("").trim();
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = value.parse().context("failed to parse content-length")?;
                head.body = Body::Length(length);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                head.body = Body::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.close = value.eq_ignore_ascii_case("close");
            }
        }
        if matches!(head.body, Body::UntilClosed) {
            head.close = true;
        }
        Ok(Some(head))
    }
}

impl Body {
    fn is_whole(&self, body: &[u8]) -> Result<bool> {
        match self {
            Self::Length(length) => Ok(body.len() >= *length),
            Self::Chunked => last_chunk_is_there(body),
            Self::UntilClosed => Ok(false),
        }
    }
}

fn last_chunk_is_there(mut body: &[u8]) -> Result<bool> {
    loop {
        let size = match httparse::parse_chunk_size(body) {
            Ok(httparse::Status::Complete(size)) => size,
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(_invalid_chunk_size) => bail!("failed to parse the size of a chunk"),
        };
        let (start, length) = (size.0, usize::try_from(size.1)?);
        // A chunk ends with CRLF; so does the empty one that ends the body.
        let end = start + length + 2;
        if body.len() < end {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
        body = &body[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed_only_when_its_blank_line_is_there() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        assert!(Head::parse(&answer[..40]).unwrap().is_none());
        let head = Head::parse(answer).unwrap().unwrap();
        assert_eq!(head.status, 201);
        assert!(head.close);
        assert!(head.body.is_whole(&answer[head.length..]).unwrap());
        assert!(!head.body.is_whole(b"{").unwrap());
    }

    #[test]
    fn a_chunked_body_ends_with_its_empty_chunk() {
        assert!(last_chunk_is_there(b"3\r\nabc\r\n0\r\n\r\n").unwrap());
        assert!(!last_chunk_is_there(b"3\r\nabc\r\n0\r\n").unwrap());
        assert!(!last_chunk_is_there(b"3\r\nab").unwrap());
        assert!(last_chunk_is_there(b"zz\r\n").is_err());
    }
}
