//! Sizes: what is too large is refused, however it is sent, and changes nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use mini_pra_tests::Body;
use serde_json::{Value, json};

use crate::site::Site;

const BODY: usize = 4 * 1024 * 1024;
const MESSAGE: usize = 65_536;

/// An array of as many events as fit into `size` bytes, filled up with spaces.
fn body_of(size: usize) -> Vec<u8> {
    let event = format!(r#"{{"message":"{}"}},"#, "x".repeat(60_000));
    let events = event.repeat((size - 2) / event.len());
    let mut body = format!("[{}]", events.trim_end_matches(',')).into_bytes();
    body.resize(size, b' ');
    body
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let site = Site::any();
    let at_limit = site.client.request("POST", "/events");
    at_limit.send(Body::Bytes("application/json", &body_of(BODY))).expect(201);
    let before = site.count();
    let length = format!("Content-Length: {}", BODY + 1);
    assert_eq!(status_of_upload(&site, &length, &[&body_of(BODY + 1)]), 413);
    assert_eq!(site.count(), before);
}

#[test]
fn a_body_that_comes_in_chunks_is_counted_as_it_comes() {
    let site = Site::any();
    let before = site.count();
    let small = site.client.request("POST", "/events").header("content-type", "application/json");
    small.try_stream(&br#"{"message":"in chunks"}"#[..]).unwrap().expect(201);
    assert_eq!(site.count(), before + 1);
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    // A server that wanted to read it all would never answer: 1 GiB is for ever.
    let chunks = vec![chunk.as_bytes(); 16_384];
    assert_eq!(status_of_upload(&site, "Transfer-Encoding: chunked", &chunks), 413);
    assert_eq!(site.count(), before + 1);
}

/// Sends pieces until the server answers; returns the status. By hand, since clients give up when a server answers
/// before they have sent everything.
fn status_of_upload(site: &Site, framing: &str, pieces: &[&[u8]]) -> u16 {
    let address = site.client.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("POST /events HTTP/1.1\r\nHost: {address}\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    for piece in pieces {
        // A failure to send is no failure to answer.
        if answered(&stream) || stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("the server hung up without an answer");
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

fn answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let answered = stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
    stream.set_nonblocking(false).unwrap();
    answered
}

#[test]
fn a_message_is_limited_in_characters() {
    let site = Site::any();
    let post = |count| site.client.post("/events", &json!({ "message": "é".repeat(count) }));
    let id = post(MESSAGE).expect(201).json()["ids"][0].clone();
    assert_eq!(site.client.get_json(&format!("/events/{id}"))["message"], "é".repeat(MESSAGE));
    post(MESSAGE + 1).expect_problem(422);
}

#[test]
fn a_request_has_at_most_ten_thousand_events() {
    let site = Site::any();
    let events = |count| Value::from(vec![json!({ "message": "" }); count]);
    site.client.post("/events", &events(10_000)).expect(201);
    let before = site.count();
    site.client.post("/events", &events(10_001)).expect_problem(422);
    assert_eq!(site.count(), before);
}
