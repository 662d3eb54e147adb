//! The routes that write: what is accepted, what is refused, and that a refusal changes nothing.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NOW_MS, World, json, problem};
use events::limits;
use serde_json::json as j;

#[test]
fn one_event_a_batch_and_ndjson_are_added_in_order_with_their_ids() {
    let world = World::new();
    let one = world.post(r#"{"message":"a"}"#);
    assert_eq!((one.status, one.header("location")), (201, Some("/events/1")));
    assert_eq!(json(&one), j!({"ids": [1], "timestamp": "2025-01-10T12:00:00.000Z"}));
    let array = world.post(r#"[{"message":"b"},{"message":"\u0000\ud83e\udd80\"\\"},{"message":"\u001f\u007f"}]"#);
    assert_eq!((array.status, array.header("location")), (201, Some("/events/2")));
    assert_eq!(json(&array)["ids"], j!([2, 3, 4]));
    let ndjson = world.post("{\"message\":\"c\"}\n{\"message\":\"d\"}\n");
    assert_eq!(json(&ndjson)["ids"], j!([5, 6]));
    let events = json(&world.get("/events"));
    let messages: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["a", "b", "\0🦀\"\\", "\u{1f}\u{7f}", "c", "d"]);
    assert_eq!(world.count(), 6);
}

#[test]
fn the_largest_batch_is_one_request_and_keeps_its_order() {
    let world = World::new();
    let batch: Vec<_> = (0..limits::BATCH_EVENTS).map(|n| j!({"message": format!("n{n}")})).collect();
    let added = json(&world.post(&j!(batch).to_string()));
    let ids = added["ids"].as_array().unwrap();
    assert_eq!(ids.len(), limits::BATCH_EVENTS);
    for n in [0, 1, 9, 10, 99, 5_000, limits::BATCH_EVENTS - 1] {
        let event = json(&world.get(&format!("/events/{}", ids[n])));
        assert_eq!(event["message"], format!("n{n}"));
    }
}

#[test]
fn bad_input_is_refused_with_a_reason_and_changes_nothing() {
    let world = World::new();
    world.get("/add");
    let long = "x".repeat(limits::MESSAGE_CHARACTERS + 1);
    let half = format!(r#"[{{"message":"fine"}},{{"message":"{long}"}}]"#);
    for (body, status, code) in [
        ("", 400, "bad-body"),
        ("{", 400, "bad-body"),
        ("{\"message\":\"a\"} x", 400, "bad-body"),
        ("[]", 422, "bad-event"),
        ("{}", 422, "bad-event"),
        (r#"{"message":1}"#, 422, "bad-event"),
        (r#"{"message":"a","timestamp":"now"}"#, 422, "bad-event"),
        (r#"[{"message":"a"},{}]"#, 422, "bad-event"),
        (&half, 422, "bad-event"),
    ] {
        assert_eq!(problem(&world.post(body), status), code, "{body:.40}");
    }
    for (target, status, code) in [
        ("/add?message=%ff", 400, "bad-parameter"),
        ("/add?message=a&message=b", 400, "bad-parameter"),
        (&format!("/add?message={}", &long[..limits::URL_MESSAGE_CHARACTERS + 1]), 422, "message-too-long"),
    ] {
        assert_eq!(problem(&world.get(target), status), code, "{target:.40}");
    }
    assert_eq!(world.count(), 1);
}

#[test]
fn a_body_over_the_limit_is_413_whether_it_says_so_or_not() {
    let world = World::new();
    let large = " ".repeat(limits::BODY_BYTES + 1);
    assert_eq!(problem(&world.post(&large), 413), "body-too-large");
    let length = large.len().to_string();
    assert_eq!(problem(&world.send("POST", "/events", &[("Content-Length", &length)], b""), 413), "body-too-large");
    assert!(world.statements.borrow().is_empty());
    let fits = format!("{}{{\"message\":\"a\"}}", " ".repeat(limits::BODY_BYTES - 15));
    assert_eq!(world.post(&fits).status, 201);
}

#[test]
fn a_retry_with_the_same_key_adds_nothing_and_gets_the_first_answer() {
    let world = World::new();
    let body = r#"[{"message":"a"},{"message":"b"}]"#;
    let first = world.post_with_key("k1", body);
    assert_eq!(first.status, 201);
    world.now_ms.set(NOW_MS + 5_000);
    world.get("/add");
    let again = world.post_with_key("k1", body);
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!(problem(&world.post_with_key("k1", r#"{"message":"a"}"#), 422), "idempotency-key-reused");
    assert_eq!(world.count(), 3);
    assert_eq!(world.post_with_key("k2", body).status, 201);
    assert_eq!(world.count(), 5);
}

#[test]
fn add_takes_a_key_too() {
    let world = World::new();
    let add = |key, message| world.send("GET", &format!("/add?message={message}"), &[("idempotency-key", key)], b"");
    let first = add("k", "a");
    world.now_ms.set(NOW_MS + 5_000);
    assert_eq!(add("k", "a").body, first.body);
    assert_eq!(problem(&add("k", "b"), 422), "idempotency-key-reused");
    assert_eq!(problem(&world.post_with_key("k", r#"{"message":"a"}"#), 422), "idempotency-key-reused");
    assert_eq!(world.count(), 1);
}

#[test]
fn a_bad_key_is_refused() {
    let world = World::new();
    for key in ["", "a b", &"k".repeat(limits::KEY_CHARACTERS + 1)] {
        assert_eq!(problem(&world.post_with_key(key, r#"{"message":"a"}"#), 400), "bad-idempotency-key");
        let add = world.send("GET", "/add", &[("Idempotency-Key", key)], b"");
        assert_eq!(problem(&add, 400), "bad-idempotency-key");
    }
    assert_eq!(world.count(), 0);
}

#[test]
fn a_key_lives_24_hours_and_is_then_forgotten() {
    let world = World::new();
    let keys =
        || world.data().query_row("SELECT count(*) FROM idempotency_keys", [], |row| row.get::<_, i64>(0)).unwrap();
    for n in 0..10 {
        world.post_with_key(&format!("k{n}"), r#"{"message":"a"}"#);
    }
    world.now_ms.set(NOW_MS + limits::KEY_LIFE_MS);
    assert_eq!(world.post_with_key("k9", r#"{"message":"a"}"#).header("idempotent-replayed"), Some("true"));
    world.now_ms.set(NOW_MS + limits::KEY_LIFE_MS + 1);
    let anew = world.post_with_key("k9", r#"{"message":"another"}"#);
    assert_eq!((anew.status, anew.header("idempotent-replayed")), (201, None));
    assert_eq!((world.count(), keys()), (11, 10));
    for n in 0..3 {
        world.post_with_key(&format!("new{n}"), r#"{"message":"a"}"#);
    }
    assert_eq!(keys(), 4, "k9 and the three new ones; each new key has removed some of the old");
}

#[test]
fn the_key_and_its_events_stand_or_fall_together() {
    let world = World::new();
    world.get("/ready");
    for step in ["INSERT INTO idempotency_keys", "COMMIT", "INSERT INTO events"] {
        *world.fault.borrow_mut() = Some((step, "disk I/O error"));
        assert_eq!(problem(&world.post_with_key("k", r#"{"message":"a"}"#), 503), "database-failing");
        *world.fault.borrow_mut() = None;
        assert_eq!(world.count(), 0, "{step}");
    }
    assert_eq!(world.post_with_key("k", r#"{"message":"a"}"#).header("idempotent-replayed"), None);
    assert_eq!(world.count(), 1);
}

#[test]
fn with_a_token_only_its_owner_writes_and_everybody_reads() {
    let mut world = World::new();
    world.api_token = Ok("s3cret".to_owned());
    let body = br#"{"message":"a"}"#;
    for headers in [&[][..], &[("Authorization", "Bearer wrong")], &[("Authorization", "Basic czNjcmV0")]] {
        for refused in [world.send("POST", "/events", headers, body), world.send("GET", "/add", headers, b"")] {
            assert_eq!(problem(&refused, 401), "unauthorised");
            assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer realm="));
            assert!(!String::from_utf8_lossy(&refused.body).contains("s3cret"));
        }
    }
    assert_eq!(world.count(), 0);
    let token = [("authorization", "Bearer s3cret")];
    assert_eq!(world.send("POST", "/events", &token, body).status, 201);
    assert_eq!(world.send("GET", "/add", &token, b"").status, 200);
    for path in ["/", "/count", "/consultation", "/status", "/events", "/events/1"] {
        assert_eq!(world.get(path).status, 200, "{path}");
    }
}

#[test]
fn if_the_token_is_unknown_every_write_is_refused() {
    let mut world = World::new();
    world.api_token = Err("the vault is encrypted".to_owned());
    assert_eq!(problem(&world.get("/add"), 503), "configuration-failing");
    assert_eq!(problem(&world.post(r#"{"message":"a"}"#), 503), "configuration-failing");
}
