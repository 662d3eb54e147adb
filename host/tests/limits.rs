//! What a guest may not do: compute for ever, take all memory, crash the host, keep others from their turn.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write;

use common::{Application, read_answer};

#[test]
fn a_guest_that_computes_for_ever_is_stopped_and_answered_with_504() {
    let application = Application::guest("for-ever");
    let host = application.start(&["--request-timeout", "1"]);
    assert_eq!(host.get("/").status, 504);
    assert!(host.log().contains("1 s were over while running"), "{}", host.log());
}

#[test]
fn guests_that_compute_for_ever_do_not_keep_the_host_from_answering() {
    let application = Application::guest("for-ever");
    let host = application.start(&["--request-timeout", "20"]);
    let mut stuck = Vec::new();
    for _ in 0..8 {
        let mut stream = host.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stuck.push(stream);
    }
    assert_eq!(host.get("/.well-known/spin/health").body, "OK");
}

#[test]
fn a_request_without_a_free_instance_waits_and_is_not_refused_at_once() {
    let application = Application::guest("for-ever");
    let host = application.start(&["--request-timeout", "2", "--max-instances", "1"]);
    let mut first = host.connect();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    // With one instance there is one lane as well: the second connection shares it.
    assert_eq!(host.get("/").status, 504);
    assert_eq!(read_answer(first).status, 504);
}

#[test]
fn a_guest_that_wants_more_memory_than_allowed_gets_500_and_the_log_names_the_limit() {
    let application = Application::guest("eat-memory");
    let host = application.start(&["--max-memory", "16"]);
    assert_eq!(host.get("/").status, 500);
    assert!(host.log().contains("the memory limit of 16777216 bytes was reached"), "{}", host.log());
}

#[test]
fn a_guest_that_crashes_gets_500_and_one_line_in_the_log_and_the_host_goes_on() {
    let application = Application::guest("crash");
    let host = application.start(&[]);
    assert_eq!(host.get("/").status, 500);
    assert_eq!(host.get("/").status, 500);
    assert_eq!(host.log().lines().count(), 2, "{}", host.log());
    assert!(host.log().lines().all(|line| line.contains("component app failed")), "{}", host.log());
}

#[test]
fn a_guest_that_never_answers_gets_500() {
    let application = Application::guest("silent");
    let host = application.start(&[]);
    assert_eq!(host.get("/").status, 500);
    assert!(host.log().contains("the guest ended without an answer"), "{}", host.log());
}
