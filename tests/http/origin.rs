//! No web page of another site writes: the headers that browsers add, and bodies that are not JSON.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use mini_pra_tests::Body;

use crate::site::Site;

const EVENT: &[u8] = br#"{"message":"from a page"}"#;

#[test]
fn a_page_of_another_site_writes_nothing() {
    let site = Site::any();
    let before = site.count();
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
    ] {
        let add = site.client.request("GET", "/add?message=x").header(name, value);
        assert_eq!(add.send(Body::None).expect_problem(403).json()["code"], "cross-site");
        let post = site.client.request("POST", "/events").header(name, value);
        post.send(Body::Bytes("application/json", EVENT)).expect_problem(403);
        site.client.request("GET", "/count").header(name, value).send(Body::None).expect(200);
    }
    assert_eq!(site.count(), before);
}

#[test]
fn a_page_of_the_same_site_and_the_address_bar_write() {
    let site = Site::any();
    let before = site.count();
    let own = site.client.request("POST", "/events").header("Origin", site.client.url());
    own.send(Body::Bytes("application/json", EVENT)).expect(201);
    for from in ["same-origin", "none"] {
        site.client.request("GET", "/add").header("Sec-Fetch-Site", from).send(Body::None).expect(200);
    }
    assert_eq!(site.count(), before + 3);
}

#[test]
fn a_body_that_does_not_say_that_it_is_json_is_refused() {
    let site = Site::any();
    let before = site.count();
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/octet-stream"] {
        let answer = site.client.request("POST", "/events").send(Body::Bytes(kind, EVENT)).expect_problem(415);
        assert_eq!(answer.header("accept"), "application/json, application/x-ndjson");
    }
    assert_eq!(site.count(), before);
}

#[test]
fn what_curl_sends_unasked_is_taken_from_curl_and_not_from_a_browser() {
    let site = Site::any();
    let form = "application/x-www-form-urlencoded";
    site.client.request("POST", "/events").send(Body::Bytes(form, EVENT)).expect(201);
    let page = site.client.request("POST", "/events").header("Origin", site.client.url());
    page.send(Body::Bytes(form, EVENT)).expect_problem(415);
}

#[test]
fn a_body_that_was_cut_off_is_a_problem_in_our_own_words() {
    let site = Site::any();
    let before = site.count();
    let address = site.client.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "POST /events HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"mes\r\nno size\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains(r#""detail":"the body was cut off, or could not be read""#), "{answer}");
    assert_eq!(site.count(), before);
}
