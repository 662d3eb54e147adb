//! The event component behind the real binary: what Spin promises to a component and to its clients.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{Read, Write};

use common::{Application, read_answer, wait_until};

#[test]
fn the_health_route_is_answered_by_the_host_even_where_the_component_cannot_run() {
    let application = Application::guest("crash");
    let host = application.start(&[]);
    let answer = host.get("/.well-known/spin/health");
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    assert_eq!(host.get("/.well-known/spin/other").status, 404);
    assert_eq!(host.log(), "");
}

#[test]
fn what_one_request_writes_the_next_one_reads() {
    let application = Application::events();
    let host = application.start(&[]);
    assert_eq!(host.get("/count").body, r#"{"count":0}"#);
    assert_eq!(host.get("/add?message=a").status, 200);
    assert_eq!(host.get("/count").body, r#"{"count":1}"#);
    assert!(application.path("data/app.db").is_file());
}

#[test]
fn eight_clients_at_once_are_all_answered() {
    let application = Application::events();
    let host = application.start(&[]);
    assert_eq!(host.get("/count").status, 200);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(host.get("/add").status, 200);
                }
            });
        }
    });
    assert_eq!(host.get("/count").body, r#"{"count":80}"#);
}

#[test]
fn more_connections_than_instances_are_all_answered() {
    let application = Application::events();
    let host = application.start(&["--max-instances", "2"]);
    let mut streams: Vec<_> = (0..20).map(|_| host.connect()).collect();
    for stream in &mut streams {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    }
    for stream in streams {
        assert_eq!(read_answer(stream).status, 200);
    }
}

#[test]
fn a_kept_alive_connection_serves_many_requests() {
    let application = Application::events();
    let host = application.start(&[]);
    let mut stream = host.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(r#"{"status":"ok"}"#) {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "the connection was closed");
            seen.extend_from_slice(&buffer[..length]);
        }
    }
}

#[test]
fn a_request_without_a_host_is_refused_with_400() {
    let application = Application::events();
    let host = application.start(&[]);
    assert_eq!(host.send("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
}

#[test]
fn shutdown_finishes_the_request_in_flight_and_exits_with_0() {
    let application = Application::events();
    let mut host = application.start(&[]);
    assert_eq!(host.get("/count").body, r#"{"count":0}"#);
    let body = r#"{"message":"late"}"#;
    let (begin, end) = body.split_at(5);
    let mut stream = host.connect();
    let head = "POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\nExpect: 100-continue\r\n\r\n{begin}", body.len()).unwrap();
    // The interim answer shows that the component is at work, waiting for the rest.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    host.signal("TERM");
    wait_until("the host takes no more connections", || host.refuses_connections());
    stream.write_all(end.as_bytes()).unwrap();
    assert_eq!(read_answer(stream).status, 201);
    assert_eq!(host.wait().code(), Some(0));
}

#[test]
fn an_interrupt_ends_an_idle_host_although_a_client_keeps_its_connection() {
    let application = Application::events();
    let mut host = application.start(&[]);
    let idle = host.connect();
    assert_eq!(host.get("/health").status, 200);
    host.signal("INT");
    assert_eq!(host.wait().code(), Some(0));
    drop(idle);
}

#[test]
fn compiled_code_is_kept_between_starts() {
    let application = Application::events();
    drop(application.start(&[]));
    let kept = files(&application.path("cache"));
    assert!(!kept.is_empty());
    let host = application.start(&[]);
    assert_eq!(host.get("/health").status, 200);
    assert_eq!(files(&application.path("cache")), kept, "the second start compiled again");
}

/// The compiled modules in the folder, without the cache's own statistics.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.extension().is_none() => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}
