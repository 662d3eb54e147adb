//! `POST /events` and `GET /events/{id}`.

use mini_pra_tests::{Answer, Body};
use serde_json::{Value, json};

use crate::site::{Site, is_instant, unique};

#[track_caller]
fn ids(answer: &Answer) -> Vec<i64> {
    answer.json()["ids"].as_array().expect("no ids").iter().map(|id| id.as_i64().unwrap()).collect()
}

#[track_caller]
fn messages(site: &Site, ids: &[i64]) -> Vec<Value> {
    ids.iter().map(|id| site.client.get_json(&format!("/events/{id}"))["message"].clone()).collect()
}

#[test]
fn an_object_becomes_an_event_with_a_location() {
    let site = Site::any();
    let message = unique("object");
    let answer = site.client.post("/events", &json!({ "message": message })).expect(201);
    let ids = ids(&answer);
    assert_eq!(ids.len(), 1);
    assert_eq!(answer.header("location"), format!("/events/{}", ids[0]));
    let event = site.client.get(answer.header("location")).expect(200);
    let timestamp = event.json()["timestamp"].as_str().unwrap().to_owned();
    assert!(is_instant(&timestamp), "{timestamp}");
    let expected = format!(r#"{{"id":{},"timestamp":"{timestamp}","message":"{message}"}}"#, ids[0]);
    assert_eq!(event.text(), expected);
    assert_eq!(answer.json()["timestamp"], timestamp);
}

#[test]
fn an_array_keeps_its_order_and_its_location_is_the_first() {
    let site = Site::any();
    let answer = site.client.post("/events", &json!([{"message": "a"}, {"message": ""}, {"message": "c"}])).expect(201);
    let ids = ids(&answer);
    assert_eq!(messages(&site, &ids), ["a", "", "c"]);
    assert!(ids.is_sorted());
    assert_eq!(answer.header("location"), format!("/events/{}", ids[0]));
}

#[test]
fn ndjson_is_one_event_a_line_whatever_the_line_ends() {
    let site = Site::any();
    let body = b"{\"message\":\"a\"}\r\n\n{\"message\":\"b\"}\n{\"message\":\"c\"}";
    let request = site.client.request("POST", "/events");
    let answer = request.send(Body::Bytes("application/x-ndjson", body)).expect(201);
    assert_eq!(messages(&site, &ids(&answer)), ["a", "b", "c"]);
}

#[test]
fn a_message_comes_back_as_it_was_sent() {
    let site = Site::any();
    let all: Vec<String> = [
        "déjà vu",
        "💾",
        "\u{0}nul",
        "\"quoted\"\\",
        "a\nb\tc",
        "'; DROP TABLE events; --",
        "%41+%",
        "\u{feff}\u{2028}",
    ]
    .map(str::to_owned)
    .to_vec();
    let batch: Vec<_> = all.iter().map(|message| json!({ "message": message })).collect();
    let answer = site.client.post("/events", &Value::from(batch)).expect(201);
    assert_eq!(messages(&site, &ids(&answer)), all);
}

#[test]
fn an_event_that_is_not_there_is_not_found() {
    let site = Site::any();
    for id in ["0", "-1", "9223372036854775807", "9223372036854775808", "x", "1.5", "%31x", "1%20"] {
        site.client.get(&format!("/events/{id}")).expect_problem(404);
    }
}

#[test]
fn what_is_no_event_is_refused_with_a_reason() {
    let site = Site::any();
    let post =
        |body: &str| site.client.request("POST", "/events").send(Body::Bytes("application/json", body.as_bytes()));
    for syntax in ["", " ", "{", "hello", "[{\"message\":\"a\"}", "{\"message\":\"a\"} x"] {
        post(syntax).expect_problem(400);
    }
    for content in ["[]", "{}", "7", "null", r#"{"message":7}"#, r#"{"message":"a","id":7}"#, r#"{"text":"a"}"#] {
        post(content).expect_problem(422);
    }
}

#[test]
fn a_body_that_is_not_utf8_is_refused() {
    let site = Site::any();
    let request = site.client.request("POST", "/events");
    request.send(Body::Bytes("application/json", b"{\"message\":\"\xff\"}")).expect_problem(400);
    site.client.get("/add?message=%FF").expect_problem(400);
}
