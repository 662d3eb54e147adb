//! Databases that are locked, foreign or damaged.

use mini_pra_tests::{Data, Host};
use serde_json::json;

use crate::site::Site;

/// What Spin 3.6 does with a TEXT value that is not UTF-8: it panics, and every client's requests die with it.
const AS_SPIN_DOES: &str = "HOST_PANIC_ON_INVALID_UTF8";

#[test]
fn a_text_that_is_not_utf8_ends_no_request() {
    let options = Host::options().env(AS_SPIN_DOES, "1");
    let Some(mut site) = Site::own_with(options, Data::new()) else { return };
    site.client.get("/add?message=before").expect(200);
    site.data()
        .open()
        .run("INSERT INTO events (timestamp, message) VALUES (cast(x'ff32' as text), cast(x'ff41' as text))");
    site.client.get("/add?message=after").expect(200);
    let shown = site.client.get_json("/consultation");
    assert_eq!((&shown[0]["message"], &shown[1]["message"]), (&json!("after"), &json!("\u{fffd}A")));
    assert_eq!(site.client.get_json("/events/2")["timestamp"], "\u{fffd}2");
    assert_eq!(site.client.get_json("/events")["events"].as_array().unwrap().len(), 3);
    let page = site.client.get_json("/events?limit=2");
    site.client.get(&format!("/events?after={}", page["next"].as_str().unwrap())).expect(200);
    for path in ["/count", "/status", "/ready"] {
        site.client.get(path).expect(200);
    }
    assert!(site.host().process().ended().is_none());
}

#[test]
fn a_catalog_whose_names_are_not_utf8_ends_no_request() {
    let options = Host::options().env(AS_SPIN_DOES, "1");
    let Some(mut site) = Site::own_with(options, Data::new()) else { return };
    site.client.get("/add").expect(200);
    crate::status::publish(site.data(), &[crate::status::Backup::good("x", 1)]);
    let catalog = mini_pra_tests::Database::open(&site.data().catalog());
    catalog.run("UPDATE restore_points SET file = cast(x'ff41' as text)");
    drop(catalog);
    assert_eq!(site.client.get_json("/status")["last_backup_file"], "\u{fffd}A");
    assert!(site.host().process().ended().is_none());
}

#[test]
fn a_database_that_stays_locked_is_a_503_with_retry_after_and_nothing_is_added() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let database = site.data().open();
    database.run("BEGIN IMMEDIATE");
    let refused = site.client.post("/events", &json!({"message": "too late"})).expect_problem(503);
    assert!(refused.header("retry-after").parse::<u32>().is_ok(), "{refused:?}");
    // WAL: readers are not in the writer's way.
    assert_eq!(site.count(), 1);
    database.run("ROLLBACK");
    site.client.post("/events", &json!({"message": "in time"})).expect(201);
    assert_eq!(site.count(), 2);
}

#[test]
fn a_lock_that_ends_in_time_is_waited_for() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let database = site.data().open();
    database.run("BEGIN IMMEDIATE");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| site.client.get("/add?message=patient").expect(200));
        // The writer may or may not be waiting yet: it succeeds either way.
        std::thread::yield_now();
        database.run("INSERT INTO events (timestamp, message) VALUES ('2025-01-10T12:00:00.000Z', 'first'); COMMIT");
        writer.join().unwrap();
    });
    assert_eq!(site.count(), 3);
}

#[test]
fn a_write_that_the_database_refuses_is_a_503_and_reads_go_on() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    site.data().open().run("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    site.client.get("/add").expect_problem(503);
    site.client.post("/events", &json!({"message": "x"})).expect_problem(503);
    assert_eq!(site.count(), 1);
}
