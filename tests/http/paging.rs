//! `GET /events`: pages and cursors.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::site::Site;

fn add(site: &Site, count: usize) {
    let events: Vec<_> = (0..count).map(|number| json!({ "message": number.to_string() })).collect();
    site.client.post("/events", &Value::from(events)).expect(201);
}

#[track_caller]
fn page(site: &Site, query: &str) -> (Vec<i64>, Value) {
    let page = site.client.get_json(&format!("/events?{query}"));
    let ids = page["events"].as_array().expect("no events").iter().map(|event| event["id"].as_i64().unwrap());
    (ids.collect(), page)
}

/// Follows `next` to the end and returns the ids of all pages.
#[track_caller]
fn walk(site: &Site, query: &str) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let (ids, page) = page(site, &format!("{query}{after}"));
        pages.push(ids);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return pages,
        }
    }
}

#[test]
fn pages_hold_each_event_once_in_order() {
    let Some(site) = Site::own() else { return };
    add(&site, 25);
    let pages = walk(&site, "limit=10");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(pages.concat(), (1..=25).collect::<Vec<i64>>());
    assert_eq!(walk(&site, "limit=10&order=desc").concat(), (1..=25).rev().collect::<Vec<i64>>());
}

#[test]
fn a_full_last_page_has_no_next() {
    let Some(site) = Site::own() else { return };
    add(&site, 20);
    assert_eq!(walk(&site, "limit=10").len(), 2);
    let (ids, empty) = page(&site, &format!("after={}", page(&site, "limit=20").1["last"].as_str().unwrap()));
    assert!(ids.is_empty() && empty["next"].is_null());
}

#[test]
fn a_reader_who_follows_misses_nothing_while_others_write() {
    let Some(site) = Site::own() else { return };
    let done = AtomicBool::new(false);
    let mut seen: Vec<i64> = Vec::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(|| (0..20).for_each(|_| add(&site, 7)))).collect();
        let reader = scope.spawn(|| follow(&site, &done));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::SeqCst);
        seen = reader.join().unwrap();
    });
    assert_eq!(seen, (1..=420).collect::<Vec<i64>>());
}

/// Reads on from the last event that it has seen, until the writers are done and nothing more comes.
fn follow(site: &Site, done: &AtomicBool) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let last_look = done.load(Ordering::SeqCst);
        let (ids, page) = page(site, &format!("limit=50{after}"));
        if ids.is_empty() && last_look {
            return seen;
        }
        seen.extend(ids);
        if let Some(last) = page["last"].as_str() {
            after = format!("&after={last}");
        }
    }
}

#[test]
fn a_cursor_whose_event_is_another_one_now_is_gone() {
    let Some(site) = Site::own() else { return };
    add(&site, 10);
    let cursor = page(&site, "limit=5").1["next"].as_str().unwrap().to_owned();
    let database = site.data().open();
    // What a restore does: the ids of undone events are given again.
    database.run("UPDATE events SET timestamp = '2020-01-01T00:00:00.000Z' WHERE id = 5");
    site.client.get(&format!("/events?after={cursor}")).expect_problem(410);
    database.run("DELETE FROM events WHERE id >= 5");
    site.client.get(&format!("/events?after={cursor}")).expect_problem(410);
}

#[test]
fn an_empty_page_is_a_page() {
    let Some(site) = Site::own() else { return };
    let page = site.client.get_json("/events");
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &Value::Null));
}

#[test]
fn a_page_holds_a_hundred_events_unless_told() {
    let Some(site) = Site::own() else { return };
    add(&site, 150);
    assert_eq!(page(&site, "").0.len(), 100);
    assert_eq!(page(&site, "limit=1000").0.len(), 150);
}

#[test]
fn parameters_that_make_no_sense_are_refused() {
    let site = Site::any();
    for query in ["limit=0", "limit=-1", "limit=1001", "limit=x", "order=up", "after=7", "after=", "limit=1&limit=2"] {
        site.client.get(&format!("/events?{query}")).expect_problem(400);
    }
}

#[test]
fn large_messages_make_smaller_pages_and_none_is_skipped() {
    let Some(site) = Site::own() else { return };
    let large = "x".repeat(60_000);
    for _ in 0..5 {
        let events: Vec<_> = (0..50).map(|_| json!({ "message": large })).collect();
        site.client.post("/events", &Value::from(events)).expect(201);
    }
    let pages = walk(&site, "limit=1000");
    assert!(pages.len() > 1, "15 MB came in one page");
    assert_eq!(pages.concat(), (1..=250).collect::<Vec<i64>>());
}
