//! Just enough of an HTTP client to ask a server of ours whether it is there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// What a server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends `GET path` on a connection of its own; each wait is bounded by `patience`.
pub(crate) fn get(address: SocketAddr, path: &str, patience: Duration) -> Result<Answer> {
    let mut stream =
        TcpStream::connect_timeout(&address, patience).with_context(|| format!("failed to connect to {address}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).context("failed to send a request")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context("failed to read an answer")?;
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Result<Answer> {
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.context("the answer is not HTTP")?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_read() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nwhy").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "why"));
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        assert!(parse("SSH-2.0-OpenSSH").is_err());
        assert!(parse("").is_err());
    }
}
