//! Locks, failing databases, and the schema that is or is not made.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{World, json, problem};

const BODY: &str = r#"{"message":"a"}"#;

/// Holds the write lock of the world's data.
fn lock(world: &World) -> rusqlite::Connection {
    let holder = world.data();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    holder
}

#[test]
fn a_lock_that_is_freed_in_time_costs_only_time() {
    let world = World::new();
    world.get("/ready");
    for key in [None, Some("k")] {
        let (mut holder, mut tries) = (Some(lock(&world)), 0);
        world.on_sleep(move || {
            tries += 1;
            if tries == 20
                && let Some(holder) = holder.take()
            {
                holder.execute_batch("ROLLBACK").unwrap();
            }
        });
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        assert_eq!(world.send("POST", "/events", &headers, BODY.as_bytes()).status, 201);
    }
    assert_eq!(world.count(), 2);
    assert!(world.slept.get() > Duration::ZERO);
}

#[test]
fn a_lock_that_is_never_freed_is_503_after_five_seconds_and_nothing_is_added() {
    let world = World::new();
    world.get("/ready");
    let holder = lock(&world);
    for headers in [&[][..], &[("Idempotency-Key", "k")]] {
        world.slept.set(Duration::ZERO);
        assert_eq!(problem(&world.send("POST", "/events", headers, BODY.as_bytes()), 503), "database-locked");
        let slept = world.slept.get();
        assert!(slept > Duration::from_millis(4_000) && slept <= Duration::from_secs(5), "{slept:?}");
    }
    assert_eq!(world.get("/consultation").body, b"[]", "readers go on");
    drop(holder);
    assert_eq!(world.count(), 0);
}

#[test]
fn a_commit_that_is_refused_for_a_lock_is_tried_again_and_adds_once() {
    let world = World::new();
    world.get("/ready");
    // A rollback-journal database refuses COMMIT while a reader is at work.
    world.data().execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    for headers in [&[][..], &[("Idempotency-Key", "k")]] {
        let reader = world.data();
        reader.execute_batch("BEGIN; SELECT * FROM events").unwrap();
        let mut reader = Some(reader);
        world.on_sleep(move || drop(reader.take()));
        assert_eq!(world.send("POST", "/events", headers, BODY.as_bytes()).status, 201);
    }
    assert_eq!(world.count(), 2);
    assert!(world.slept.get() > Duration::ZERO);
}

#[test]
fn a_failing_database_is_503_with_its_reason_and_never_a_success() {
    for words in
        ["disk I/O error", "database or disk is full", "database disk image is malformed", "file is not a database"]
    {
        let world = World::new();
        world.get("/ready");
        *world.fault.borrow_mut() = Some(("", words));
        for path in ["/add", "/count", "/consultation", "/status", "/events", "/events/1", "/ready"] {
            let answer = world.get(path);
            assert_eq!(problem(&answer, 503), "database-failing", "{path}");
            assert!(json(&answer)["detail"].as_str().unwrap().contains(words));
        }
        assert_eq!(problem(&world.post(BODY), 503), "database-failing");
        assert_eq!(world.get("/health").status, 200);
    }
}

#[test]
fn no_connection_ever_checkpoints_beside_others() {
    let world = World::new();
    for path in ["/ready", "/add", "/count", "/consultation", "/status", "/events", "/events/1"] {
        world.statements.borrow_mut().clear();
        assert_eq!(world.get(path).status, 200);
        assert_eq!(world.statements.borrow()[0], "PRAGMA wal_autocheckpoint=0", "{path}");
    }
    world.post_with_key("k", BODY);
    let checkpoints = world.statements.borrow().iter().filter(|sql| sql.contains("wal_checkpoint")).count();
    assert_eq!(checkpoints, 0);
}

#[test]
fn any_first_request_makes_the_schema_in_wal_mode() {
    for path in ["/add", "/count", "/consultation", "/status", "/events", "/ready"] {
        let world = World::new();
        assert_eq!(world.get(path).status, 200, "{path}");
        let mode: String = world.data().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
    let world = World::new();
    assert_eq!(world.post(BODY).status, 201);
    assert_eq!(problem(&World::new().get("/events/1"), 404), "no-such-event");
}

#[test]
fn where_the_schema_is_there_looking_for_it_costs_nothing() {
    let world = World::new();
    world.get("/add");
    world.statements.borrow_mut().clear();
    world.get("/add");
    let statements = world.statements.borrow();
    assert_eq!(statements.len(), 4, "{statements:?}");
}

#[test]
fn an_empty_database_beside_backups_never_looks_healthy() {
    let world = World::new();
    world.publish(&[("backup-2025-01-10-11-58.db", 1, false, Some("bad"))]);
    for path in ["/ready", "/count", "/add", "/status", "/events", "/consultation"] {
        let answer = world.get(path);
        assert_eq!(problem(&answer, 503), "database-lost", "{path}");
        let detail = "the database is empty but backups exist: run backup-job init or restore";
        assert_eq!(json(&answer)["detail"], detail);
    }
    assert_eq!(problem(&world.post(BODY), 503), "database-lost");
    let tables: i64 = world.data().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn an_empty_database_beside_a_catalog_that_cannot_be_read_is_left_alone() {
    let world = World::new();
    std::fs::write(world.file("backups"), b"this is no database at all, but it is long enough to be one").unwrap();
    assert_eq!(problem(&world.get("/count"), 503), "catalog-unreadable");
    std::fs::remove_file(world.file("backups")).unwrap();
    assert_eq!(world.count(), 0);
}

#[test]
fn without_auto_init_an_empty_database_stays_empty() {
    let mut world = World::new();
    world.auto_init = Ok("false".to_owned());
    for path in ["/ready", "/count", "/add", "/status"] {
        assert_eq!(problem(&world.get(path), 503), "database-not-initialised", "{path}");
    }
    let tables: i64 = world.data().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 0);
    assert_eq!(world.get("/health").status, 200);
}

#[test]
fn a_database_with_events_and_no_counter_is_completed_and_counted_even_beside_backups() {
    let world = World::new();
    world.publish(&[("backup-2025-01-10-11-58.db", 1, true, None)]);
    world
        .data()
        .execute_batch(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, message TEXT NOT NULL);
             INSERT INTO events VALUES (1, 't', 'from the workshop');",
        )
        .unwrap();
    assert_eq!(world.count(), 1);
    assert_eq!(world.post_with_key("k", BODY).status, 201);
    assert_eq!(world.count(), 2);
    let mode: String = world.data().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete", "the journal mode of a database that is already there is its owner's");
}

#[test]
fn two_who_make_the_schema_at_once_make_it_once() {
    let world = World::new();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let disk = world.disk();
            std::thread::spawn(move || {
                let mut world = World::on(disk);
                world.in_real_time = true;
                world.get("/add")
            })
        })
        .collect();
    for thread in threads {
        let answer = thread.join().unwrap();
        assert_eq!(answer.status, 200, "{}", json(&answer));
    }
    assert_eq!(world.count(), 4);
}

#[test]
fn the_same_key_sent_by_many_at_once_adds_once() {
    let world = World::new();
    world.get("/ready");
    let threads: Vec<_> = (0..6)
        .map(|_| {
            let disk = world.disk();
            std::thread::spawn(move || {
                let mut world = World::on(disk);
                world.in_real_time = true;
                world.post_with_key("k", BODY)
            })
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body), "{}", json(answer));
    }
    assert_eq!(world.count(), 1);
}
