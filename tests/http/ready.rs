//! `/ready`, `auto_init`, and an application that must not start empty.

use mini_pra_tests::{Data, Database, Host};
use serde_json::json;

use crate::site::Site;
use crate::status::{Backup, publish};

#[test]
fn an_application_that_may_make_its_schema_is_ready_at_once() {
    let Some(site) = Site::own() else { return };
    assert_eq!(site.client.get("/ready").expect(200).json(), json!({"status": "ready"}));
    assert_eq!(site.data().open().journal_mode(), "wal");
}

fn without_auto_init(data: Data) -> Option<Site> {
    Site::own_with(Host::options().variable("auto_init", "false"), data)
}

#[test]
fn without_auto_init_an_empty_database_is_not_ready_and_stays_empty() {
    let Some(site) = without_auto_init(Data::new()) else { return };
    for path in ["/ready", "/count", "/consultation", "/events", "/status", "/add"] {
        let answer = site.client.get(path).expect_problem(503);
        assert!(!answer.header("retry-after").is_empty(), "{path}");
    }
    site.client.post("/events", &json!({"message": "lost?"})).expect_problem(503);
    site.client.get("/health").expect(200);
    // Spin's SQLite makes the file when it opens it; what counts is that there is no table in it.
    if site.data().database().exists() {
        assert_eq!(site.data().open().get::<i64>("SELECT count(*) FROM sqlite_schema", []), 0);
    }
}

#[test]
fn an_empty_database_beside_backups_is_a_lost_one_even_with_auto_init() {
    let data = Data::new();
    publish(&data, &[Backup::good("backup-2025-01-10-12-00.db", 1_736_510_400_000)]);
    let Some(site) = Site::own_with(Host::options(), data) else { return };
    let answer = site.client.get("/ready").expect_problem(503);
    assert!(answer.text().contains("backup"), "{}", answer.text());
    site.client.get("/add?message=into+the+void").expect_problem(503);
}

#[test]
fn a_database_that_somebody_else_made_is_served_without_auto_init() {
    let data = Data::new();
    let schema = std::fs::read_to_string(mini_pra_tests::root().join("components/events/schema.sql")).unwrap();
    Database::create(&data.database()).run(&format!("PRAGMA journal_mode=WAL; {schema}"));
    let Some(site) = without_auto_init(data) else { return };
    site.client.get("/ready").expect(200);
    site.client.get("/add?message=well").expect(200);
    assert_eq!(site.count(), 1);
}

#[test]
fn a_file_that_is_no_database_is_not_ready() {
    let data = Data::new();
    std::fs::write(data.database(), "this is not SQLite, however long it may be".repeat(100)).unwrap();
    let Some(site) = Site::own_with(Host::options(), data) else { return };
    site.client.get("/ready").expect_problem(503);
    site.client.get("/add").expect_problem(503);
    site.client.get("/health").expect(200);
}
