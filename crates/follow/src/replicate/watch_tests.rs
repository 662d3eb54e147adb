use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use disk::catalog::status::{self, Replica};
use rusqlite::Connection;

use super::run;
use super::scene::{Scene, start, until};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The answer to a GET, head and body; empty if the server does not listen yet.
fn get(address: SocketAddr, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_catalog_and_the_metrics_say_how_each_replica_is() {
    let scene = Scene::new();
    scene.insert(5);
    Connection::open(scene.path("app.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE strict(x TEXT); INSERT INTO strict VALUES (NULL);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE TABLE strict(x TEXT NOT NULL)' WHERE name = 'strict';",
        )
        .unwrap();
    std::fs::create_dir(scene.path("backup")).unwrap();
    // A file is in the place of the folder.
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let mut options = scene.options(&["one", "two"]);
    let address = free_address();
    options.metrics = Some(address);
    let names: Vec<String> = options.replicas.iter().map(ToString::to_string).collect();
    let running = start(options);
    let told = || -> Vec<Replica> { status::read(&scene.path("backup")).unwrap().replicas };
    let is_well = |replica: &Replica| replica.error.is_none() && replica.txid > 0 && replica.synced.is_some();

    until(
        "one replica is well and the other is not",
        || matches!(&told()[..], [one, two] if is_well(one) && two.error.is_some() && two.synced.is_none()),
    );
    let metrics = || get(address, "/metrics");
    until("the metrics say the same", || {
        until("the database was checked, and that is said everywhere", || {
            told().iter().all(|replica| replica.warnings.as_ref().is_some_and(|warnings| warnings.len() == 1))
                && names
                    .iter()
                    .all(|name| metrics().contains(&format!("pra_replica_warnings{{replica=\"{name}\"}} 1.0")))
        });
        let text = metrics();
        text.contains("pra_replica_window_start_timestamp_seconds{")
            && text.contains(&format!("pra_replica_up{{replica=\"{}\"}} 1.0", names[0]))
            && text.contains(&format!("pra_replica_up{{replica=\"{}\"}} 0.0", names[1]))
    });
    until("the database was checked, and that is said everywhere", || {
        told().iter().all(|replica| replica.warnings.as_ref().is_some_and(|warnings| warnings.len() == 1))
            && names.iter().all(|name| metrics().contains(&format!("pra_replica_warnings{{replica=\"{name}\"}} 1.0")))
    });
    let text = metrics();
    assert!(text.contains("application/openmetrics-text") && text.contains("pra_checkpointer_holding 1.0"), "{text}");
    for metric in pra_metrics::ALL.iter().filter(|one| one.exporters.contains(&pra_metrics::Exporter::Replicator)) {
        assert!(text.contains(&format!("\n{}", metric.name)), "{} is missing in\n{text}", metric.name);
    }
    assert!(get(address, "/nothing").starts_with("HTTP/1.1 404"));

    std::fs::remove_file(scene.path("two")).unwrap();
    until("both are well", || told().iter().all(is_well));
    running.end().unwrap();
    assert!(told().iter().all(|replica| is_well(replica) && replica.queue_files == 0), "{:?}", told());

    // A replicator that stops replicating says so.
    let mut options = scene.options(&[]);
    options.checkpointer.once = true;
    run(&options, &Arc::new(AtomicBool::new(false))).unwrap();
    assert!(told().is_empty());
}

#[test]
fn an_epoch_goes_once_the_next_one_covers_all_that_is_to_be_kept() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let mut options = scene.options(&["one"]);
    options.new_epoch = true;
    options.checkpointer.once = true;
    run(&options, &Arc::new(AtomicBool::new(false))).unwrap();
    scene.once(&["one"]).unwrap();
    assert_eq!(scene.epochs("one").len(), 2, "a day has not gone by");

    let mut options = scene.options(&["one"]);
    options.retention =
        store::retention::Retention { fine: Duration::ZERO, snapshots: Duration::ZERO, grace: Duration::ZERO };
    options.tidy_every = Duration::from_millis(20);
    let running = start(options);
    until("the first epoch goes", || scene.epochs("one").len() == 1);
    scene.insert(3);
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 8);
}
