//! `/status`: how many events, and how old the newest good backup is. Here with catalogs made by hand; the recovery
//! tests have real ones.

use std::fs;

use mini_pra_tests::{Data, Database, Job, now_ms};
use serde_json::{Value, json};

use crate::site::Site;

/// A row of the catalog.
pub(crate) struct Backup {
    pub(crate) file: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) created_at_ms: i64,
    pub(crate) verified: bool,
    pub(crate) error: Option<&'static str>,
}

impl Backup {
    pub(crate) fn good(file: &'static str, created_at_ms: i64) -> Self {
        Self { file, kind: "backup", created_at_ms, verified: true, error: None }
    }
}

/// Publishes a catalog as `backup-job` does: made under another name, renamed into place.
pub(crate) fn publish(data: &Data, backups: &[Backup]) {
    publish_with(data, backups, "");
}

/// The same with whatever else `sql` puts into it.
pub(crate) fn publish_with(data: &Data, backups: &[Backup], sql: &str) {
    let draft = data.backups().join("catalog.tmp");
    let catalog = Database::create(&draft);
    catalog.run(&format!("PRAGMA user_version = {}", ::catalog::VERSION));
    catalog.run(::catalog::SCHEMA);
    catalog.run(sql);
    for Backup { file, kind, created_at_ms, verified, error } in backups {
        let sql = "INSERT INTO restore_points
            (file, kind, created_at_ms, verified_at_ms, error, bytes, page_size, pages, content_checksum, ltx_checksum, seconds)
            VALUES (?1, ?2, ?3, ?4, ?5, 4096, 4096, 1, '0', '0', 0.1)";
        let verified_at = verified.then_some(created_at_ms);
        catalog.connection().execute(sql, (file, kind, created_at_ms, verified_at, error)).unwrap();
    }
    drop(catalog);
    fs::rename(draft, data.catalog()).unwrap();
}

#[track_caller]
fn last_backup(site: &Site) -> (Value, Value) {
    let status = site.client.get_json("/status");
    (status["last_backup_file"].clone(), status["backup_age_seconds"].clone())
}

#[track_caller]
fn assert_no_backup(site: &Site) {
    assert_eq!(last_backup(site), (Value::Null, Value::Null));
}

#[test]
fn before_the_first_backup_the_three_keys_are_there_in_order() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let answer = site.client.get("/status").expect(200);
    let start = r#"{"count":1,"last_backup_file":null,"backup_age_seconds":null"#;
    assert!(answer.text().starts_with(start), "{}", answer.text());
    let status = answer.json();
    assert_eq!((&status["replicas"], &status["last_rehearsals"]), (&json!([]), &json!([])));
    assert_eq!((&status["last_drill"], &status["restore_running"]), (&json!(null), &json!(false)));
}

#[test]
fn the_newest_backup_is_shown_with_its_age() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let now = now_ms();
    publish(
        site.data(),
        &[
            Backup::good("backup-old.db", now - 120_000),
            Backup::good("backup-new.db", now - 42_500),
            Backup::good("backup-older.db", now - 180_000),
        ],
    );
    let (file, age) = last_backup(&site);
    let truth = (now_ms() - now + 42_500) / 1_000;
    assert_eq!(file, "backup-new.db");
    assert!((truth - age.as_i64().unwrap()).abs() <= 1, "{age} is not about {truth}");
}

#[test]
fn a_backup_that_is_bad_or_unverified_or_of_another_kind_is_not_the_last_one() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    let now = now_ms();
    publish(
        site.data(),
        &[
            Backup::good("backup-good.db", now - 300_000),
            Backup { error: Some("checksum mismatch"), ..Backup::good("backup-bad.db", now - 1_000) },
            Backup { verified: false, ..Backup::good("backup-unverified.db", now - 2_000) },
            Backup { kind: "pre-restore", ..Backup::good("pre-restore.db", now - 3_000) },
        ],
    );
    assert_eq!(last_backup(&site).0, "backup-good.db");
}

#[test]
fn a_catalog_that_is_replaced_is_seen_at_the_next_request() {
    let Some(site) = Site::own() else { return };
    assert_no_backup(&site);
    publish(site.data(), &[Backup::good("backup-1.db", now_ms())]);
    assert_eq!(last_backup(&site).0, "backup-1.db");
    publish(site.data(), &[Backup::good("backup-2.db", now_ms())]);
    assert_eq!(last_backup(&site).0, "backup-2.db");
    fs::remove_file(site.data().catalog()).unwrap();
    assert_no_backup(&site);
}

#[test]
fn an_empty_catalog_file_means_no_backup_yet() {
    let Some(site) = Site::own() else { return };
    fs::write(site.data().catalog(), "").unwrap();
    assert_no_backup(&site);
    Database::create(&site.data().catalog()).run("CREATE TABLE other (x)");
    assert_no_backup(&site);
}

#[test]
fn a_catalog_that_cannot_be_read_hides_neither_the_events_nor_itself() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    fs::write(site.data().catalog(), "this is not SQLite, however long it may be".repeat(100)).unwrap();
    let status = site.client.get_json("/status");
    assert_eq!((&status["count"], &status["last_backup_file"]), (&json!(1), &Value::Null));
    assert!(status["backup_error"].is_string(), "{status}");
}

#[test]
fn a_real_backup_is_shown_with_its_age_within_a_second() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    assert_no_backup(&site);
    let before = now_ms();
    let backup = Job::new("backup", site.data()).succeeds();
    let after = now_ms();
    let (file, age) = last_backup(&site);
    assert_eq!(file, backup["file"]);
    let seconds = |since: i64| (now_ms() - since) / 1_000;
    let age = age.as_i64().unwrap();
    assert!((seconds(after) - 1..=seconds(before) + 1).contains(&age), "{age}");
}

/// A replica, rehearsals, a drill and a restore, as of now.
pub(crate) fn everything() -> String {
    let now = now_ms();
    format!(
        "INSERT INTO publication VALUES (1, {now}, 'test', NULL, NULL, NULL, NULL);
         INSERT INTO replicas VALUES ('file:///replica', {now}, 'e1', 17, {now} - 400, {now} - 3600000, 1, 512, 0, NULL, '');
         INSERT INTO rehearsals VALUES ({now} - 3600000, 'backup', 'good', 'backup-1.db', {now} - 3601000, 1.25, 4096, 3, NULL),
             ({now} - 7200000, 'backup', 'failed', 'backup-0.db', {now} - 7201000, 0.5, NULL, NULL, 'checksum mismatch');
         INSERT INTO drills VALUES ({now} - 7200000, 'volume-loss', 1, 8.5, 0.4, 100, 0, 7);
         INSERT INTO restores VALUES ({now} - 60000, {now} - 59000, 'backup-1.db', 'in-place', 0.5, NULL);"
    )
}

#[test]
fn replicas_rehearsals_drills_and_a_restore_are_shown() {
    let Some(site) = Site::own() else { return };
    site.client.get("/add").expect(200);
    publish_with(site.data(), &[Backup::good("backup-1.db", now_ms())], &everything());
    let status = site.client.get_json("/status");
    let replica = &status["replicas"][0];
    assert_eq!(
        (&replica["replica"], &replica["txid"], &replica["error"]),
        (&json!("file:///replica"), &json!(17), &json!(null))
    );
    assert!(replica["lag_seconds"].as_f64().is_some_and(|lag| lag >= 0.4), "{replica}");
    assert_eq!(status["last_rehearsals"].as_array().unwrap().len(), 1, "the newest of each source");
    assert_eq!(status["last_rehearsals"][0]["outcome"], "good");
    assert_eq!((&status["last_drill"]["kind"], &status["restore_running"]), (&json!("volume-loss"), &json!(false)));
}
