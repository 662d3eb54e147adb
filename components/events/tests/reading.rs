//! The routes that read.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NOW_MS, World, json, problem};
use serde_json::json as j;

#[test]
fn the_workshops_routes_answer_with_the_workshops_json() {
    let world = World::new();
    assert_eq!(world.get("/").body, "{\"status\":\"Bonjour tout le monde !\"}".as_bytes());
    assert_eq!(world.get("/health").body, b"{\"status\":\"ok\"}");
    assert_eq!(world.get("/count").body, b"{\"count\":0}");
    let added = world.get("/add?message=bonjour");
    assert_eq!(added.status, 200);
    assert_eq!(added.body, br#"{"status":"added","timestamp":"2025-01-10T12:00:00.000Z","message":"bonjour"}"#);
    assert_eq!(world.get("/count").body, b"{\"count\":1}");
    assert_eq!(
        world.get("/consultation").body,
        br#"[{"id":1,"timestamp":"2025-01-10T12:00:00.000Z","message":"bonjour"}]"#
    );
    assert_eq!(json(&world.get("/ready")), j!({"status": "ready"}));
}

#[test]
fn health_does_not_touch_the_database() {
    let world = World::new();
    assert_eq!(world.get("/health").status, 200);
    assert!(world.statements.borrow().is_empty());
    assert!(!world.file("default").exists());
}

#[test]
fn a_message_defaults_to_hello_and_an_empty_one_stays_empty() {
    let world = World::new();
    assert_eq!(json(&world.get("/add"))["message"], "hello");
    assert_eq!(json(&world.get("/add?message="))["message"], "");
    assert_eq!(json(&world.get("/add?message=%00%F0%9F%A6%80+x"))["message"], "\0🦀 x");
    let events = json(&world.get("/consultation"));
    let messages: Vec<_> = events.as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["\0🦀 x", "", "hello"]);
}

#[test]
fn consultation_shows_the_last_fifty_newest_first() {
    let world = World::new();
    let batch: Vec<_> = (0..60).map(|n| j!({"message": n.to_string()})).collect();
    assert_eq!(world.post(&j!(batch).to_string()).status, 201);
    let events = json(&world.get("/consultation"));
    let ids: Vec<_> = events.as_array().unwrap().iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (11..=60).rev().collect::<Vec<_>>());
    assert_eq!(events[0]["message"], "59");
}

#[test]
fn a_text_that_is_not_utf8_is_read_as_bytes() {
    let world = World::new();
    world.get("/ready");
    world.data().execute_batch("INSERT INTO events VALUES (1, cast(x'ff' as text), cast(x'ff41' as text))").unwrap();
    let expected = j!({"id": 1, "timestamp": "\u{fffd}", "message": "\u{fffd}A"});
    assert_eq!(json(&world.get("/consultation")), j!([expected]));
    assert_eq!(json(&world.get("/events/1")), expected);
    assert_eq!(json(&world.get("/events"))["events"], j!([expected]));
}

#[test]
fn one_event_is_found_or_not() {
    let world = World::new();
    world.get("/add?message=x");
    assert_eq!(json(&world.get("/events/1"))["message"], "x");
    for id in ["2", "0", "-1", "x", "1.0", "99999999999999999999"] {
        assert_eq!(problem(&world.get(&format!("/events/{id}")), 404), "no-such-event");
    }
}

#[test]
fn status_shows_the_newest_good_backup() {
    let world = World::new();
    let shown = |world: &World| String::from_utf8(world.get("/status").body).unwrap();
    let nothing_more = r#""replicas":[],"last_rehearsals":[],"last_drill":null,"restore_running":false}"#;
    let none = r#"{"count":0,"last_backup_file":null,"backup_age_seconds":null,"last_backup_at":null,"#;
    assert_eq!(shown(&world), format!("{none}{nothing_more}"));
    world.publish(&[
        ("backup-2025-01-10-11-58.db", NOW_MS - 120_000, true, None),
        ("backup-2025-01-10-11-59.db", NOW_MS - 42_900, true, None),
        ("backup-2025-01-10-12-00.db", NOW_MS - 3_000, true, Some("integrity check failed")),
        ("backup-2025-01-10-12-00-30.db", NOW_MS - 2_000, false, None),
        ("pre-restore-2025-01-10.db", NOW_MS - 1_000, true, None),
    ]);
    let newest = r#"{"count":0,"last_backup_file":"backup-2025-01-10-11-59.db","backup_age_seconds":42,"last_backup_at":"2025-01-10T11:59:17.100Z","#;
    assert_eq!(shown(&world), format!("{newest}{nothing_more}"));
    world.now_ms.set(NOW_MS - 180_000);
    assert_eq!(
        json(&world.get("/status"))["backup_age_seconds"],
        0,
        "clocks that differ a little make no negative age"
    );
    world.now_ms.set(NOW_MS - 3_600_000);
    let status = json(&world.get("/status"));
    assert_eq!(status["backup_age_seconds"], serde_json::Value::Null, "their age is unknown");
    assert_eq!(status["suspicious_backup"]["file"], "backup-2025-01-10-12-00-30.db");
}

#[test]
fn status_survives_any_catalog() {
    let world = World::new();
    std::fs::write(world.file("backups"), b"").unwrap();
    assert_eq!(json(&world.get("/status")).get("backup_error"), None, "0 bytes mean no backup yet");
    std::fs::write(world.file("backups"), b"this is no database at all, but it is long enough to be one").unwrap();
    let status = world.get("/status");
    assert_eq!(status.status, 200);
    let status = json(&status);
    assert_eq!((&status["last_backup_file"], &status["backup_age_seconds"]), (&j!(null), &j!(null)));
    assert!(status["backup_error"].as_str().unwrap().contains("not a database"), "{status}");
    std::fs::remove_file(world.file("backups")).unwrap();
    std::fs::create_dir(world.file("backups")).unwrap();
    assert_eq!(json(&world.get("/status"))["last_backup_file"], j!(null));
}

#[test]
fn count_and_status_read_one_row_whatever_the_number_of_events() {
    let world = World::new();
    world.get("/add");
    world.data().execute_batch("UPDATE event_count SET events = 10000000").unwrap();
    assert_eq!(world.count(), 10_000_000);
    assert_eq!(json(&world.get("/status"))["count"], 10_000_000);
}

#[test]
fn head_is_answered_like_get_and_other_methods_are_refused() {
    let world = World::new();
    let reading = ["/", "/health", "/ready", "/count", "/consultation", "/status", "/recovery", "/metrics", "/events"];
    for path in reading.into_iter().chain(["/openapi.json"]) {
        let (get, head) = (world.get(path), world.send("HEAD", path, &[], b""));
        assert_eq!((get.status, get.headers), (head.status, head.headers), "{path}");
        let refused = world.send("DELETE", path, &[], b"");
        assert_eq!(problem(&refused, 405), "no-such-method");
        assert!(refused.header("allow").unwrap().starts_with("GET, HEAD"));
    }
    assert_eq!(problem(&world.get("/nothing"), 404), "no-such-route");
}
