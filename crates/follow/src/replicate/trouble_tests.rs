//! What is done to a database and its home while a replicator runs is said, and never only ignored.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use disk::catalog::status;
use pra_core::Code;
use rusqlite::Connection;

use super::scene::{Running, Scene, start, until};
use super::service::run;

/// A scene with a backup folder, whose catalog is told of trouble, and its running replicator.
fn running() -> (Scene, Running) {
    let scene = Scene::new();
    fs::create_dir(scene.path("backup")).unwrap();
    scene.insert(5);
    let running = start(scene.options(&["one"]));
    until("the first copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    (scene, running)
}

/// Another database, which has no log beside it.
fn other(scene: &Scene, rows: u32) -> std::path::PathBuf {
    let path = scene.path("other.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").unwrap();
    for _ in 0..rows {
        connection.execute("INSERT INTO t(x) VALUES ('other')", ()).unwrap();
    }
    path
}

fn remove_sidecars(scene: &Scene) {
    for sidecar in ["app.db-wal", "app.db-shm"] {
        drop(fs::remove_file(scene.path(sidecar)));
    }
}

/// What the catalog says of the replica's trouble.
fn told(scene: &Scene) -> Option<String> {
    let status = status::read(&scene.path("backup")).ok()?;
    status.replicas.into_iter().find_map(|replica| replica.error)
}

/// Waits for a second epoch with as many rows.
fn begins_anew(scene: &Scene, rows: u64) {
    until("a new epoch", || {
        scene.epochs("one").len() == 2 && scene.image("one").txid > 0 && scene.image("one").rows() == rows
    });
}

#[test]
fn a_replicator_whose_home_is_removed_ends_with_an_error() {
    let (scene, running) = running();
    fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
    let error = running.ends().unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.to_string().contains("was removed or replaced"), "{error}");
}

#[test]
fn a_replicator_whose_state_is_removed_ends_with_an_error() {
    let (scene, running) = running();
    fs::remove_file(scene.path(".app.db.pra/replica/state.json")).unwrap();
    let error = running.ends().unwrap_err();
    assert!(error.to_string().contains("was removed or replaced"), "{error}");
}

#[test]
fn another_database_that_is_moved_in_place_begins_an_epoch() {
    let (scene, running) = running();
    let other = other(&scene, 3);
    remove_sidecars(&scene);
    fs::rename(other, scene.path("app.db")).unwrap();
    begins_anew(&scene, 3);
    running.end().unwrap();
}

#[test]
fn a_database_that_is_removed_and_made_anew_begins_an_epoch() {
    let (scene, running) = running();
    remove_sidecars(&scene);
    fs::remove_file(scene.path("app.db")).unwrap();
    let connection = Connection::open(scene.path("app.db")).unwrap();
    connection.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t(x) VALUES (1)").unwrap();
    drop(connection);
    begins_anew(&scene, 1);
    running.end().unwrap();
}

#[test]
fn an_older_database_that_is_written_into_the_same_file_begins_an_epoch() {
    let scene = Scene::new();
    Connection::open(scene.path("app.db")).unwrap().execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    scene.insert(20);
    let running = start(scene.options(&["one"]));
    until("the first copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    let other = other(&scene, 3);
    fs::copy(other, scene.path("app.db")).unwrap();
    begins_anew(&scene, 3);
    running.end().unwrap();
}

#[test]
fn a_database_that_is_held_exclusively_is_told_with_its_cause() {
    let scene = Scene::new();
    fs::create_dir(scene.path("backup")).unwrap();
    scene.insert(5);
    let connection = Connection::open(scene.path("app.db")).unwrap();
    connection.execute_batch("PRAGMA locking_mode=EXCLUSIVE; INSERT INTO t(x) VALUES (1)").unwrap();
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.to_string().contains("held exclusively by another connection"), "{error}");
    let running = start(scene.options(&["one"]));
    until("the catalog", || told(&scene).is_some_and(|told| told.contains("held exclusively")));
    drop(connection);
    until("the replica", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    until("the end of the trouble", || told(&scene).is_none());
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 6);
}

#[test]
fn a_store_that_was_never_reached_is_told_and_everything_is_staged() {
    let scene = Scene::new();
    fs::create_dir(scene.path("backup")).unwrap();
    scene.insert(5);
    fs::write(scene.path("one"), "not a folder").unwrap();
    let running = start(scene.options(&["one"]));
    until("the catalog", || told(&scene).is_some());
    until("the staged copy", || scene.made().iter().any(|(_, map)| map.len() > 150));
    running.end().unwrap();
    fs::remove_file(scene.path("one")).unwrap();
    run(&scene.options_once(&["one"]), &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(scene.image("one").rows(), 5);
}
