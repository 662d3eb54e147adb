//! `Idempotency-Key`: a retry is harmless.

use mini_pra_tests::{Answer, Body};
use serde_json::json;

use crate::site::{Site, unique};

#[track_caller]
fn post(site: &Site, key: &str, message: &str) -> Answer {
    let request = site.client.request("POST", "/events").header("Idempotency-Key", key);
    request.send(Body::Json(&json!({ "message": message })))
}

#[test]
fn a_retry_gets_the_first_answer_and_adds_nothing() {
    let site = Site::any();
    let key = unique("retry");
    let first = post(&site, &key, "once").expect(201);
    let before = site.count();
    let second = post(&site, &key, "once").expect(201);
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(site.count(), before);
}

#[test]
fn a_retry_of_a_batch_gets_all_its_ids_again() {
    let site = Site::any();
    let key = unique("batch");
    let events: Vec<_> = (0..1_000).map(|number| json!({ "message": number.to_string() })).collect();
    let send = || {
        let request = site.client.request("POST", "/events").header("Idempotency-Key", &key);
        request.send(Body::Json(&json!(events))).expect(201).body
    };
    assert_eq!(send(), send());
}

#[test]
fn the_same_key_for_another_body_is_refused_and_changes_nothing() {
    let site = Site::any();
    let key = unique("other");
    post(&site, &key, "one").expect(201);
    let before = site.count();
    post(&site, &key, "two").expect_problem(422);
    assert_eq!(site.count(), before);
    post(&site, &key, "one").expect(201);
}

#[test]
fn different_keys_are_different_events_even_with_one_body() {
    let site = Site::any();
    let (one, two) = (post(&site, &unique("a"), "same").expect(201), post(&site, &unique("b"), "same").expect(201));
    assert_ne!(one.json()["ids"], two.json()["ids"]);
}

#[test]
fn a_failed_request_does_not_use_its_key_up() {
    let site = Site::any();
    let key = unique("failed");
    let request = site.client.request("POST", "/events").header("Idempotency-Key", &key);
    request.send(Body::Json(&json!({}))).expect_problem(422);
    post(&site, &key, "now well").expect(201);
}

#[test]
fn a_key_that_cannot_be_one_is_refused() {
    let site = Site::any();
    for key in ["", "with space", &"k".repeat(256)] {
        post(&site, key, "never").expect_problem(400);
    }
    post(&site, &format!("{:k<255}", unique("long")), "well").expect(201);
}

#[test]
fn eight_retries_at_once_add_one_event() {
    let site = Site::any();
    let key = unique("race");
    let before = site.count();
    let bodies: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| post(&site, &key, "race").expect(201).body)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(site.count(), before + 1);
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    let Some(site) = Site::own() else { return };
    post(&site, "old", "one").expect(201);
    site.data().open().run("UPDATE idempotency_keys SET created_at_ms = created_at_ms - 86400000 - 60000");
    post(&site, "old", "another").expect(201);
    assert_eq!(site.count(), 2);
}

#[test]
fn a_key_lives_a_day() {
    let Some(site) = Site::own() else { return };
    let first = post(&site, "young", "one").expect(201);
    site.data().open().run("UPDATE idempotency_keys SET created_at_ms = created_at_ms - 86400000 + 60000");
    assert_eq!(post(&site, "young", "one").expect(201).body, first.body);
    assert_eq!(site.count(), 1);
}
