//! What a guest may not do: compute for ever, take all memory, crash the host, keep others from their turn.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "limits/documented.rs"]
mod documented;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{Application, Host, read_answer, wait_until};

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
    // With one instance there is one lane as well: the second connection goes to the shared one.
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

/// How many sockets the host has open.
fn sockets(host: &Host) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", host.id())).unwrap();
    let paths = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    paths.filter(|to| to.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn a_client_with_many_idle_connections_blocks_no_other_client() {
    const MOST: usize = 100;
    let application = Application::events();
    let host = application.start(&["--max-instances", "16", "--max-connections", &MOST.to_string()]);
    let idle: Vec<_> = (0..3 * MOST).map(|_| host.connect()).collect();
    // Some of these may be closed before their part of a body was sent.
    let slow: Vec<_> = (0..2 * MOST)
        .map(|_| {
            let mut stream = host.connect();
            (stream.write_all(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"), stream)
        })
        .collect();
    for path in ["/health", "/ready", "/count", "/add"] {
        assert_eq!(host.get(path).status, 200, "{path}");
    }
    // Beside the connections: where it listens, and what its runtime wakes itself with.
    wait_until("the connections above the most are closed", || sockets(&host) <= MOST + 40);
    host.wait_for_log("100 connections are open");
    drop((idle, slow));
}

/// Connections that have sent the head of a request and a part of its body.
fn slow_bodies(host: &Host, count: usize) -> Vec<TcpStream> {
    let begin = |_| {
        let mut stream = host.connect();
        stream.write_all(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{").unwrap();
        stream
    };
    (0..count).map(begin).collect()
}

#[test]
fn slow_bodies_keep_no_other_request_from_its_answer() {
    let host = Application::events();
    let host = host.start(&["--body-timeout", "600", "--request-timeout", "600"]);
    let slow = slow_bodies(&host, 160);
    for path in ["/health", "/ready", "/count", "/.well-known/spin/health"] {
        assert_eq!(host.get(path).status, 200, "{path}");
    }
    assert_eq!(host.get("/add?message=x").status, 200);
    drop(slow);
}

#[test]
fn a_body_that_does_not_come_is_answered_with_408() {
    let application = Application::events();
    let host = application.start(&["--body-timeout", "1"]);
    for stream in slow_bodies(&host, 3) {
        let mut answer = [0; 12];
        (&stream).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
    assert_eq!(host.get("/count").status, 200);
}

#[test]
fn a_probe_is_answered_while_every_instance_is_taken() {
    let application = Application::events();
    let host = application.start(&["--max-instances", "2", "--request-timeout", "600"]);
    assert_eq!(host.get("/add").status, 200);
    let database = rusqlite::Connection::open(application.path("data/app.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Two at a time, five seconds each: who waits for all of them waits longer than any test.
    let mut waiting: Vec<_> = (0..40).map(|_| host.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(b"GET /add HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    }
    for path in ["/health", "/ready", "/health"] {
        assert_eq!(host.get(path).status, 200, "{path}");
    }
    database.execute_batch("COMMIT").unwrap();
    for stream in waiting {
        assert!([200, 503].contains(&read_answer(stream).status));
    }
}

/// The most memory that the process has had, in KiB.
fn peak(host: &Host) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn large_answers_at_once_stay_within_the_memory_of_the_pod() {
    let clients = documented::default_of("--max-instances");
    let application = Application::events();
    let host = application.start(&[]);
    assert_eq!(host.get("/add").status, 200);
    // Each character is six in JSON.
    let database = rusqlite::Connection::open(application.path("data/app.db")).unwrap();
    let fill = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 200)
        INSERT INTO events (timestamp, message) SELECT 't', replace(hex(zeroblob(16000)), '0', char(1)) FROM c";
    database.execute_batch(fill).unwrap();
    drop(database);
    let ask = |path: &str| {
        let mut stream = host.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        stream
    };
    let asked: Vec<_> = (0..clients).map(|_| ask("/events?limit=1000")).collect();
    let answers = asked.into_iter().map(|stream| std::thread::spawn(move || read_answer(stream)));
    for answer in answers.collect::<Vec<_>>() {
        let answer = answer.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let peak = peak(&host);
    let pod = documented::pod_mib() << 10;
    assert!(peak < pod, "the host had {peak} KiB, and its pod may have {pod}");
}

#[test]
fn a_large_answer_without_memory_gets_503_and_is_told_to_come_again() {
    let application = Application::guest("eat-memory");
    let host = application.start(&["--max-shared-memory", "4"]);
    let answer = host.get("/");
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    wait_until("the log says why", || host.log().contains("too many large requests at once"));
}
