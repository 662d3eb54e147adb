//! `GET /events`: pages and cursors.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NOW_MS, World, json, problem};
use events::limits;
use serde_json::json as j;

fn filled(events: usize) -> World {
    let world = World::new();
    let batch: Vec<_> = (0..events).map(|n| j!({"message": n.to_string()})).collect();
    assert_eq!(world.post(&j!(batch).to_string()).status, 201);
    world
}

fn ids(page: &serde_json::Value) -> Vec<i64> {
    page["events"].as_array().unwrap().iter().map(|event| event["id"].as_i64().unwrap()).collect()
}

/// Follows `next` to its end.
fn walk(world: &World, parameters: &str) -> Vec<i64> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = json(&world.get(&format!("/events?{parameters}{after}")));
        all.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

#[test]
fn the_pages_together_are_all_events_each_once() {
    let world = filled(23);
    let forward: Vec<i64> = (1..=23).collect();
    let backward: Vec<i64> = (1..=23).rev().collect();
    for limit in [1, 5, 22, 23, 24, 1_000] {
        assert_eq!(walk(&world, &format!("limit={limit}")), forward);
        assert_eq!(walk(&world, &format!("order=desc&limit={limit}")), backward);
    }
    assert_eq!(walk(&filled(250), "").len(), 250);
}

#[test]
fn an_empty_log_is_one_empty_page() {
    let world = World::new();
    assert_eq!(json(&world.get("/events")), j!({"events": [], "next": null, "last": null}));
}

#[test]
fn last_lets_a_client_go_on_later() {
    let world = filled(3);
    let page = json(&world.get("/events"));
    assert_eq!(page["next"], j!(null));
    let last = page["last"].as_str().unwrap();
    let after = format!("/events?after={last}");
    assert_eq!(json(&world.get(&after))["events"], j!([]));
    world.get("/add?message=later");
    assert_eq!(ids(&json(&world.get(&after))), [4]);
}

#[test]
fn a_cursor_whose_event_is_another_one_now_is_gone() {
    let world = filled(5);
    let next = json(&world.get("/events?limit=3"))["next"].as_str().unwrap().to_owned();
    let (forward, backward) = (format!("/events?after={next}"), format!("/events?order=desc&after={next}"));
    assert_eq!(ids(&json(&world.get(&forward))), [4, 5]);
    assert_eq!(ids(&json(&world.get(&backward))), [2, 1]);
    // A restore to before event 3, and then other events under the same ids.
    world.data().execute_batch("DELETE FROM events WHERE id >= 3").unwrap();
    for target in [&forward, &backward] {
        assert_eq!(problem(&world.get(target), 410), "cursor-gone");
    }
    world.now_ms.set(NOW_MS + 1);
    world.post(r#"[{"message":"x"},{"message":"y"}]"#);
    for target in [&forward, &backward] {
        assert_eq!(problem(&world.get(target), 410), "cursor-gone");
    }
}

#[test]
fn a_page_of_large_messages_ends_early_and_loses_none() {
    let world = World::new();
    let large = "x".repeat(limits::MESSAGE_CHARACTERS);
    let batch = j!((0..60).map(|_| j!({"message": large})).collect::<Vec<_>>()).to_string();
    for _ in 0..3 {
        assert_eq!(world.post(&batch).status, 201);
    }
    for order in ["asc", "desc"] {
        let page = world.get(&format!("/events?limit=1000&order={order}"));
        assert!(page.body.len() < 2 * 1024 * 1024, "{}", page.body.len());
        assert_eq!(ids(&json(&page)).len(), 16);
        assert_eq!(walk(&world, &format!("limit=1000&order={order}")).len(), 180);
    }
}

#[test]
fn one_huge_message_written_by_others_does_not_stop_the_pages() {
    let world = filled(3);
    world.data().execute_batch("UPDATE events SET message = hex(zeroblob(5000000)) WHERE id = 2").unwrap();
    assert_eq!(walk(&world, "limit=10"), [1, 2, 3]);
    assert_eq!(walk(&world, "limit=10&order=desc"), [3, 2, 1]);
    assert_eq!(walk(&world, "limit=1"), [1, 2, 3]);
}

#[test]
fn bad_parameters_are_refused_and_unknown_ones_ignored() {
    let world = filled(1);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=-1",
        "limit=",
        "limit=1&limit=2",
        "order=up",
        "order=",
        "after=",
        "after=x",
        "after=AQ",
        "after=%ff",
        "order=ASC",
    ] {
        assert_eq!(problem(&world.get(&format!("/events?{query}")), 400), "bad-parameter", "{query}");
    }
    assert_eq!(world.get("/events?unknown=%ff&limit=1000&order=asc").status, 200);
}
