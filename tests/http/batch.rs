//! Batches: one request, one transaction.

use mini_pra_tests::Body;
use serde_json::{Value, json};

use crate::site::{Site, unique};

fn batch(name: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({ "message": format!("{name}-{number}") })).collect()
}

#[test]
fn a_batch_of_a_thousand_is_one_request() {
    let site = Site::any();
    let before = site.count();
    let name = unique("batch");
    let answer = site.client.post("/events", &Value::from(batch(&name, 1_000))).expect(201);
    let ids = answer.json()["ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 1_000);
    assert_eq!(site.count(), before + 1_000);
    let last = site.client.get_json(&format!("/events/{}", ids[999]));
    assert_eq!(last["message"], format!("{name}-999"));
}

#[test]
fn a_batch_with_one_bad_event_changes_nothing() {
    let site = Site::any();
    let before = site.count();
    for bad in [json!({}), json!({"message": 7}), json!(null), json!({"message": "x".repeat(70_000)})] {
        let mut events = batch("partial", 100);
        events.insert(99, bad);
        site.client.post("/events", &Value::from(events)).expect_problem(422);
    }
    let ndjson = "{\"message\":\"partial\"}\n".repeat(100) + "{\"message\":";
    site.client
        .request("POST", "/events")
        .send(Body::Bytes("application/x-ndjson", ndjson.as_bytes()))
        .expect_problem(400);
    assert_eq!(site.count(), before);
}

#[test]
fn a_batch_that_the_database_refuses_in_the_middle_changes_nothing() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let database = site.data().open();
    database.run(
        "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN NEW.message = 'batch-500'
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );
    site.client.post("/events", &Value::from(batch("batch", 1_000))).expect_problem(503);
    assert_eq!(site.count(), 1);
    database.run("DROP TRIGGER refuse");
    site.client.post("/events", &Value::from(batch("batch", 1_000))).expect(201);
    assert_eq!(site.count(), 1_001);
}

#[test]
fn batches_of_several_clients_do_not_mix() {
    let Some(site) = Site::own() else { return };
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let client = site.client.clone();
            scope.spawn(move || {
                for _ in 0..5 {
                    client.post("/events", &Value::from(batch(&format!("w{writer}"), 100))).expect(201);
                }
            });
        }
    });
    let messages = site.data().open().messages();
    assert_eq!(messages.len(), 2_000);
    for hundred in messages.chunks(100) {
        let name = hundred[0].split('-').next().unwrap();
        let expected: Vec<_> = (0..100).map(|number| format!("{name}-{number}")).collect();
        assert_eq!(hundred, expected);
    }
}
