//! Group commit: nobody is answered before the mark has moved, whatever comes between.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{NOW_MS, World, problem};

const BODY: &str = r#"{"message":"a"}"#;
const NORMAL: &str = "PRAGMA synchronous=NORMAL";
const FULL: &str = "PRAGMA synchronous=FULL";
const MARK: &str = "INSERT INTO durability";

/// A world in which many write: the last mark says so.
fn crowd() -> World {
    let world = World::new();
    world.get("/ready");
    mark(&world.data());
    world
}

/// Moves the mark, as another request does.
fn mark(data: &rusqlite::Connection) {
    data.execute(
        "INSERT INTO durability (id, generation, through, crowd, marked_at_ms) VALUES (1, 7, 0, 32, ?1)
         ON CONFLICT (id) DO UPDATE SET generation = generation + 1",
        [NOW_MS],
    )
    .unwrap();
}

fn generation(world: &World) -> Option<i64> {
    world.data().query_row("SELECT max(generation) FROM durability", [], |row| row.get(0)).unwrap()
}

/// Where a statement that starts like this was last run, in the order of all.
fn last(world: &World, start: &str) -> Option<usize> {
    world.statements.borrow().iter().rposition(|sql| sql.starts_with(start))
}

#[test]
fn in_a_crowd_an_event_is_inserted_without_a_sync_and_answered_after_a_mark_with_one() {
    for key in [None, Some("k")] {
        let world = crowd();
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        assert_eq!(world.send("POST", "/events", &headers, BODY.as_bytes()).status, 201);
        assert!(last(&world, NORMAL).unwrap() < last(&world, "INSERT INTO events").unwrap());
        assert!(last(&world, "INSERT INTO events") < last(&world, FULL));
        assert!(last(&world, FULL).unwrap() < last(&world, MARK).unwrap());
        assert_eq!(generation(&world), Some(8));
        assert!(world.slept.get() >= Duration::from_millis(1), "others were waited for");
    }
}

#[test]
fn who_sees_that_the_mark_has_moved_moves_it_no_more() {
    let world = crowd();
    let data = world.data();
    world.on_sleep(move || mark(&data));
    assert_eq!(world.post(BODY).status, 201);
    assert_eq!((last(&world, MARK), generation(&world)), (None, Some(8)));
}

#[test]
fn a_mark_that_moved_before_the_insert_is_none() {
    let world = crowd();
    mark(&world.data());
    assert_eq!(world.post(BODY).status, 201);
    assert_eq!(generation(&world), Some(9));
}

#[test]
fn without_a_mark_there_is_no_success_and_the_retry_waits_for_one_too() {
    let world = crowd();
    let holder = std::rc::Rc::new(world.data());
    let lock = holder.clone();
    let mut locked = false;
    // Somebody takes the lock between insert and mark, and keeps it.
    world.on_sleep(move || {
        if !std::mem::replace(&mut locked, true) {
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    assert_eq!(problem(&world.post_with_key("k", BODY), 503), "database-locked");
    assert!(world.slept.get() > Duration::from_secs(4), "{:?}", world.slept.get());
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!((world.count(), generation(&world)), (1, Some(7)));
    for failure in [Some((MARK, "disk I/O error")), None] {
        *world.fault.borrow_mut() = failure;
        let retry = world.post_with_key("k", BODY);
        match failure {
            Some(_) => assert_eq!(problem(&retry, 503), "database-failing"),
            None => assert_eq!((retry.status, retry.header("idempotent-replayed")), (201, Some("true"))),
        }
    }
    assert_eq!((world.count(), generation(&world)), (1, Some(8)));
}

#[test]
fn a_retry_waits_for_the_mark_also_where_nobody_else_writes() {
    let world = World::new();
    world.post_with_key("k", BODY);
    assert_eq!((last(&world, NORMAL), last(&world, MARK)), (None, None));
    assert_eq!(world.post_with_key("k", BODY).header("idempotent-replayed"), Some("true"));
    assert_eq!((world.count(), generation(&world)), (1, Some(1)));
}

#[test]
fn an_event_that_a_restore_took_away_before_its_answer_is_added_again() {
    for (key, moved) in [(None, false), (Some("k"), false), (None, true), (Some("k"), true)] {
        let world = crowd();
        let data = world.data();
        let mut restored = false;
        world.on_sleep(move || {
            if !std::mem::replace(&mut restored, true) {
                data.execute_batch("DELETE FROM events; DELETE FROM idempotency_keys").unwrap();
                if moved {
                    data.execute_batch("UPDATE durability SET generation = 3").unwrap();
                }
            }
        });
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        assert_eq!(world.send("POST", "/events", &headers, BODY.as_bytes()).status, 201);
        assert_eq!(world.count(), 1, "{key:?} {moved}");
    }
}

#[test]
fn an_event_that_is_taken_away_each_time_is_no_success() {
    let world = crowd();
    let data = world.data();
    world.on_sleep(move || data.execute_batch("DELETE FROM events").unwrap());
    assert_eq!(problem(&world.post(BODY), 503), "database-locked");
}

#[test]
fn who_finds_the_lock_taken_joins_the_others_and_makes_the_missing_mark() {
    let world = World::new();
    world.get("/ready");
    let holder = world.data();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut holder = Some(holder);
    world.on_sleep(move || drop(holder.take()));
    assert_eq!(world.post(BODY).status, 201);
    assert!(last(&world, NORMAL).is_some());
    assert_eq!((world.count(), generation(&world)), (1, Some(1)));
}

#[test]
fn a_table_that_goes_between_insert_and_mark_is_no_success_and_adds_nothing_twice() {
    let world = crowd();
    let data = world.data();
    world.on_sleep(move || data.execute_batch("DROP TABLE IF EXISTS durability").unwrap());
    assert_eq!(problem(&world.post(BODY), 503), "database-failing");
    assert_eq!(world.count(), 1);
}

#[test]
fn without_the_table_without_a_log_and_for_a_batch_each_commit_is_synced() {
    let (no_table, no_log, batch) = (World::new(), World::new(), crowd());
    for world in [&no_table, &no_log] {
        world.get("/ready");
    }
    no_table.data().execute_batch("DROP TABLE durability").unwrap();
    no_log.data().execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    for (world, body) in [(&no_table, BODY), (&no_log, BODY), (&batch, r#"[{"message":"a"},{"message":"b"}]"#)] {
        let holder = world.data();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut holder = Some(holder);
        world.on_sleep(move || drop(holder.take()));
        assert_eq!(world.post_with_key("k", body).status, 201);
        assert_eq!(world.post_with_key("k", body).header("idempotent-replayed"), Some("true"));
        assert_eq!((last(world, NORMAL), last(world, MARK)), (None, None));
    }
}
