//! Group commit: no request is answered before the mark has moved, even after a failure in between.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{NOW_MS, World, problem};

const BODY: &str = r#"{"message":"a"}"#;
const BATCH: &str = r#"[{"message":"a"},{"message":"b"}]"#;
const NORMAL: &str = "PRAGMA synchronous=NORMAL";
const FULL: &str = "PRAGMA synchronous=FULL";
const JOIN: &str = "INSERT INTO durability";
const MARK: &str = "UPDATE durability SET generation";

/// A world in which many write: the last mark says so.
fn crowd() -> World {
    let world = World::new();
    world.get("/ready");
    mark(&world.data());
    world
}

/// Moves the mark to the group that is open, as its leader does, or to the next.
fn mark(data: &rusqlite::Connection) {
    data.execute(
        "INSERT INTO durability (id, generation, opened, opened_at_ms, joined, through, crowd, marked_at_ms)
         VALUES (1, 7, 7, 0, 0, 0, 32, ?1)
         ON CONFLICT (id) DO UPDATE SET generation = generation + 1, opened = generation + 1",
        [NOW_MS],
    )
    .unwrap();
}

/// Opens a group that another leads.
fn open_group(data: &rusqlite::Connection) {
    data.execute("UPDATE durability SET opened = generation + 1, opened_at_ms = ?1, joined = 1", [NOW_MS]).unwrap();
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
fn who_joins_a_group_that_another_leads_syncs_nothing_and_waits_for_the_leader() {
    for key in [None, Some("k")] {
        let world = crowd();
        open_group(&world.data());
        let data = world.data();
        let mut pauses = 0;
        world.on_sleep(move || {
            pauses += 1;
            if pauses == 5 {
                mark(&data);
            }
        });
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        assert_eq!(world.send("POST", "/events", &headers, BODY.as_bytes()).status, 201);
        assert_eq!((last(&world, MARK), generation(&world)), (None, Some(8)));
    }
}

#[test]
fn no_connection_commits_with_a_sync_while_a_group_is_open() {
    for (body, key) in [(BODY, None), (BODY, Some("k")), (BATCH, None), (BATCH, Some("k"))] {
        // No crowd: each would sync for itself.
        let world = World::new();
        world.get("/ready");
        mark(&world.data());
        open_group(&world.data());
        world.data().execute_batch("UPDATE durability SET crowd = 0").unwrap();
        let data = world.data();
        world.on_sleep(move || mark(&data));
        let headers: Vec<_> = key.iter().map(|key| ("Idempotency-Key", *key)).collect();
        assert_eq!(world.send("POST", "/events", &headers, body.as_bytes()).status, 201);
        assert!(last(&world, NORMAL) < last(&world, JOIN), "{body} {key:?}");
        assert_eq!(last(&world, MARK), None, "{body} {key:?}");
    }
}

#[test]
fn a_group_whose_sync_failed_acknowledges_no_event_even_if_later_syncs_succeed() {
    let world = crowd();
    // Others are connected, so that the log cannot be given up.
    let other = world.data();
    other.query_row("SELECT count(*) FROM events", [], |_| Ok(())).unwrap();
    *world.fault.borrow_mut() = Some((MARK, "disk I/O error"));
    assert_eq!(problem(&world.post_with_key("k", BODY), 503), "database-failing");
    *world.fault.borrow_mut() = None;
    // The next one, the first one's retry, a batch: none of them may be answered by a sync of its own.
    for (key, body) in [("l", BODY), ("k", BODY), ("m", BATCH)] {
        let answer = world.post_with_key(key, body);
        assert_eq!(problem(&answer, 503), "database-failing", "{key}");
        assert_eq!((last(&world, MARK).is_some(), generation(&world)), (true, Some(7)), "{key}");
    }
    // Once it was closed by who has written the log anew, each is there, once.
    mark(&other);
    for (key, body) in [("k", BODY), ("l", BODY), ("m", BATCH)] {
        let retry = world.post_with_key(key, body);
        assert_eq!((retry.status, retry.header("idempotent-replayed")), (201, Some("true")), "{key}");
    }
    assert_eq!(world.count(), 4);
}

#[test]
fn a_group_without_its_leader_is_closed_by_the_only_connection() {
    let world = crowd();
    open_group(&world.data());
    world.now_ms.set(NOW_MS + 2_000);
    assert_eq!(world.post(BODY).status, 201);
    assert!(last(&world, "PRAGMA journal_mode=DELETE") < last(&world, MARK));
    assert!(last(&world, MARK) < last(&world, "PRAGMA journal_mode=WAL"));
    assert_eq!((world.count(), generation(&world)), (1, Some(8)));
}

#[test]
fn a_leader_that_does_not_get_the_lock_is_no_success_and_its_retry_waits_too() {
    let world = crowd();
    let holder = std::rc::Rc::new(world.data());
    let lock = holder.clone();
    let mut locked = false;
    // Another connection takes the lock between insert and mark, and keeps it.
    world.on_sleep(move || {
        if !std::mem::replace(&mut locked, true) {
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    assert_eq!(problem(&world.post_with_key("k", BODY), 503), "database-locked");
    assert!(world.slept.get() > Duration::from_secs(4), "{:?}", world.slept.get());
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!((world.count(), generation(&world)), (1, Some(7)));
    assert_eq!(problem(&world.post_with_key("k", BODY), 503), "database-failing");
    mark(&holder);
    assert_eq!(world.post_with_key("k", BODY).header("idempotent-replayed"), Some("true"));
    assert_eq!((world.count(), generation(&world)), (1, Some(8)));
}

#[test]
fn a_retry_where_no_group_is_open_is_answered_at_once() {
    let world = World::new();
    world.post_with_key("k", BODY);
    assert_eq!(world.post_with_key("k", BODY).header("idempotent-replayed"), Some("true"));
    assert_eq!((last(&world, NORMAL), last(&world, MARK)), (None, None));
    assert_eq!((world.count(), generation(&world)), (1, None));
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
                    data.execute_batch("UPDATE durability SET generation = 3, opened = 3").unwrap();
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
    for (world, body) in [(&no_table, BODY), (&no_log, BODY), (&batch, BATCH)] {
        let holder = world.data();
        holder.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut holder = Some(holder);
        world.on_sleep(move || drop(holder.take()));
        assert_eq!(world.post_with_key("k", body).status, 201);
        assert_eq!(world.post_with_key("k", body).header("idempotent-replayed"), Some("true"));
        assert_eq!((last(world, NORMAL), last(world, MARK)), (None, None));
    }
}
