//! Text that is not UTF-8: SQLite stores any bytes as TEXT, and Spin 3.6 dies when a guest reads such a column as text.

use mini_pra_tests::{Data, Host, Job, sqlite3};

use crate::museum::application;

#[test]
fn a_text_that_is_not_utf8_stops_neither_requests_nor_backups_nor_restores() {
    let data = Data::new();
    let database = application(&data);
    database.add(["before"]);
    database.run("INSERT INTO events (timestamp, message) VALUES ('2025-01-10T12:00:00.000Z', cast(x'ff41' AS TEXT))");
    database.add(["after"]);
    drop(database);

    // The switch gives `host` Spin's behaviour: with it, reading that column as text ends the process.
    let host = Host::options().env("HOST_PANIC_ON_INVALID_UTF8", "1").start(&data);
    for path in ["/consultation", "/events", "/events/2", "/count", "/status"] {
        let answer = host.client().get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    assert_eq!(host.client().get_json("/count")["count"], 3, "still the same process");

    let report = Job::new("backup", &data).succeeds();
    assert_eq!(report["events"], 3);
    Job::new("verify", &data).succeeds();
    host.client().get_json("/add?message=later");
    Job::new("restore", &data).args(&["--mode", "in-place", "--yes"]).succeeds();
    assert_eq!(host.client().get_json("/count")["count"], 3);
    drop(host);
    assert_eq!(sqlite3(&data.database(), "SELECT hex(message) FROM events WHERE id = 2"), "FF41", "to the byte");
}
