//! What is logged reaches a collector that speaks OTLP over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use mini_pra_tests::{Data, Job};

/// One request: its first line and its body.
fn receive(collector: &TcpListener) -> (String, Vec<u8>) {
    let (stream, _) = collector.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    (first, body)
}

#[test]
fn the_lines_of_a_run_reach_the_collector_before_it_ends() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let (sender, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(receive(&collector)).unwrap());
    let data = Data::new();
    Job::new("init", &data).succeeds();

    Job::new("replicate", &data).arg("--once").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).succeeds();

    let (first, body) = received.recv_timeout(Duration::from_secs(60)).expect("nothing was sent to the collector");
    assert!(first.starts_with("POST /v1/logs"), "{first}");
    let text = String::from_utf8_lossy(&body);
    for expected in ["backup-job", "the checkpointer holds the database", "the checkpointer stops"] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}
