//! What the catalog tells: `/status`, `/recovery`, `/metrics`, and the dashboard for browsers.

#![allow(clippy::unwrap_used)]

mod common;

use common::{NOW_MS, World, json};
use serde_json::json as j;

/// A world with one of everything: a good backup of 42 s and an encrypted one before it, two replicas, rehearsals,
/// drills.
fn world() -> World {
    let world = World::new();
    // Before there are backups: an empty database beside them would be a lost one.
    assert_eq!(world.count(), 0);
    world.publish(&[("backup-1.db", NOW_MS - 120_000, true, None), ("backup-2.db", NOW_MS - 42_000, true, None)]);
    world
        .catalog()
        .execute_batch(&format!(
            "UPDATE restore_points SET encrypted = 1 WHERE file = 'backup-1.db';
             INSERT INTO publication VALUES (1, {NOW_MS} - 1000, 'test', NULL, NULL, NULL, NULL);
             INSERT INTO replicas VALUES
                 ('file:///replica', {NOW_MS} - 400, 'e1', 17, {NOW_MS} - 650, {NOW_MS} - 3600000, 0, 0, 0, NULL, ''),
                 ('s3://bucket/x', {NOW_MS} - 9000, NULL, 0, NULL, NULL, 3, 2048, 1, 'connection refused', NULL);
             INSERT INTO rehearsals VALUES
                 ({NOW_MS} - 90000000, 'backup', 'good', 'backup-0.db', NULL, 1.5, 4096, 3, NULL),
                 ({NOW_MS} - 3600000, 'backup', 'good', 'backup-1.db', NULL, 1.25, 4096, 3, NULL),
                 ({NOW_MS} - 3500000, 's3://bucket/x', 'not-rehearsed', NULL, NULL, 0.5, NULL, NULL, NULL);
             INSERT INTO drills VALUES
                 ({NOW_MS} - 7200000, 'pod-crash', 1, 0.2, 0, 100, 0, 0),
                 ({NOW_MS} - 5400000, 'volume-loss', 1, 8.5, 0.4, 100, 2, 7),
                 ({NOW_MS} - 9900000, 'volume-loss', 0, 11, NULL, 100, 2, 7);
             INSERT INTO restores VALUES ({NOW_MS} - 5000, NULL, 'backup-1.db', NULL, NULL, NULL);"
        ))
        .unwrap();
    world
}

#[test]
fn status_shows_replicas_the_newest_rehearsals_the_newest_drill_and_a_restore_at_work() {
    let status = json(&world().get("/status"));
    let expected = j!({
        "count": 0,
        "last_backup_file": "backup-2.db",
        "backup_age_seconds": 42,
        "last_backup_at": "2025-01-10T11:59:18.000Z",
        "replicas": [
            {"replica": "file:///replica", "epoch": "e1", "txid": 17, "lag_seconds": 0.25,
                "synced_at": "2025-01-10T11:59:59.350Z", "window_from": "2025-01-10T11:00:00.000Z", "well": true, "error": null},
            {"replica": "s3://bucket/x", "epoch": null, "txid": 0, "lag_seconds": null, "synced_at": null,
                "window_from": null, "well": false, "error": "connection refused"},
        ],
        "last_rehearsals": [
            {"source": "backup", "outcome": "good", "at": "2025-01-10T11:00:00.000Z", "seconds": 1.25,
                "point": "backup-1.db", "error": null},
            {"source": "s3://bucket/x", "outcome": "not-rehearsed", "at": "2025-01-10T11:01:40.000Z", "seconds": 0.5,
                "point": null, "error": null},
        ],
        "last_drill": {"kind": "volume-loss", "at": "2025-01-10T10:30:00.000Z", "kept": true, "rto_seconds": 8.5,
            "rpo_seconds": 0.4},
        "restore_running": true,
    });
    assert_eq!(status, expected);
}

#[test]
fn a_backup_that_is_ahead_of_the_clock_counts_for_nothing_and_is_told() {
    let world = World::new();
    assert_eq!(world.count(), 0);
    let year = 365 * 86_400_000;
    world.publish(&[("backup-1.db", NOW_MS - 42_000, true, None), ("backup-2.db", NOW_MS + year, true, None)]);
    let status = json(&world.get("/status"));
    assert_eq!((&status["last_backup_file"], &status["backup_age_seconds"]), (&j!("backup-1.db"), &j!(42)));
    assert_eq!(status["suspicious_backup"], j!({"file": "backup-2.db", "ahead_seconds": 31_536_000.0}));
    let recovery = json(&world.get("/recovery"));
    assert_eq!(recovery["backups"][0]["ahead_seconds"], j!(31_536_000.0));
    assert!(recovery["verdict"]["reasons"].as_array().unwrap().iter().any(|reason| reason["page"] == "clock-wrong"));
    let metrics = String::from_utf8(world.get("/metrics").body).unwrap();
    assert!(metrics.contains("\npra_backup_ahead_seconds 31536000"), "{metrics}");
    let last = format!("\npra_backup_last_timestamp_seconds {}", (NOW_MS - 42_000) / 1_000);
    assert!(metrics.contains(&last), "{metrics}");
}

#[test]
fn no_text_of_the_catalog_is_read_as_text() {
    // This world panics at a TEXT that is not UTF-8, as Spin does.
    let world = world();
    world
        .catalog()
        .execute_batch(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE restore_points SET file = cast(x'ff' || file AS TEXT), error = cast(x'ff' AS TEXT);
             UPDATE replicas SET url = cast(x'ff' || url AS TEXT), epoch = cast(x'ff' AS TEXT), error = cast(x'ff' AS TEXT);
             UPDATE rehearsals SET source = cast(x'ff' || source AS TEXT), outcome = cast(x'ff' AS TEXT),
                 point = cast(x'ff' AS TEXT), error = cast(x'ff' AS TEXT);
             UPDATE drills SET kind = cast(x'ff' || kind AS TEXT);
             UPDATE restores SET point = cast(x'ff' AS TEXT), mode = cast(x'ff' AS TEXT), error = cast(x'ff' AS TEXT);",
        )
        .unwrap();
    for path in ["/status", "/recovery", "/metrics"] {
        assert_eq!(world.get(path).status, 200, "{path}");
    }
    let recovery = json(&world.get("/recovery"));
    assert_eq!(recovery["catalog_error"], j!(null));
    assert_eq!(recovery["drills"][0]["kind"], "\u{fffd}volume-loss");
}

#[test]
fn a_malformed_row_is_an_error_and_not_left_out() {
    let world = world();
    world.catalog().execute_batch("UPDATE replicas SET seen_ms = 'soon'").unwrap();
    let status = json(&world.get("/status"));
    assert_eq!(status["backup_error"], "a row of 'replicas' is malformed");
    let recovery = json(&world.get("/recovery"));
    assert_eq!(recovery["verdict"]["level"], "danger");
}

#[test]
fn count_and_status_cost_the_same_for_any_number_of_events_and_backups() {
    let world = world();
    world.statements.borrow_mut().clear();
    for path in ["/count", "/status"] {
        assert_eq!(world.get(path).status, 200);
    }
    let statements = world.statements.borrow().clone();
    assert!(statements.len() > 5, "{statements:?}");
    for statement in statements.iter().filter(|statement| statement.starts_with("SELECT")) {
        let database = if statement.contains("event_count") { world.data() } else { world.catalog() };
        let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let given = rusqlite::params_from_iter(vec![1; plan.parameter_count()]);
        let steps: Vec<String> = plan.query_map(given, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        let grows = |step: &String| step.starts_with("SCAN events") || step.starts_with("SCAN restore_points");
        assert!(!steps.iter().any(grows), "{statement}\n{steps:?}");
    }
}

#[test]
fn recovery_tells_the_evidence_and_the_verdict() {
    let world = world();
    world.get("/add");
    let recovery = json(&world.get("/recovery"));
    assert_eq!(recovery["now"], "2025-01-10T12:00:00.000Z");
    assert_eq!((&recovery["ready"], &recovery["events"]), (&j!(true), &j!(1)));
    assert!(recovery["database_bytes"].as_i64().unwrap() > 4_096);
    let backups = j!([
        {"file": "backup-2.db", "created_at": "2025-01-10T11:59:18.000Z", "bytes": 4_096, "verified": true, "error": null,
            "encrypted": false, "events": null, "ahead_seconds": null, "warnings": 0},
        {"file": "backup-1.db", "created_at": "2025-01-10T11:58:00.000Z", "bytes": 4_096, "verified": true, "error": null,
            "encrypted": true, "events": null, "ahead_seconds": null, "warnings": 0},
    ]);
    assert_eq!(recovery["backups"], backups);
    let other = &recovery["replicas"][1];
    assert_eq!((&other["well"], &other["queue_bytes"], &other["encrypted"]), (&j!(false), &j!(2_048), &j!(true)));
    assert_eq!(recovery["rehearsals"].as_array().unwrap().len(), 3);
    assert_eq!(recovery["drills"].as_array().unwrap().len(), 3);
    assert_eq!((&recovery["restore"]["running"], &recovery["restore"]["point"]), (&j!(true), &j!("backup-1.db")));
    let verdict = &recovery["verdict"];
    assert_eq!(verdict["level"], "warning");
    let pages: Vec<_> = verdict["reasons"].as_array().unwrap().iter().map(|reason| &reason["page"]).collect();
    assert_eq!(pages, ["replica-lags", "restore-stuck"]);
    assert_eq!((&verdict["loss_seconds"], &verdict["recovery_seconds"]), (&j!(0.25), &j!(1.25)));
}

#[test]
fn recovery_answers_also_where_both_databases_are_broken() {
    let world = world();
    for label in ["default", "backups"] {
        std::fs::write(world.file(label), "this is no database at all, but it is long enough to be one".repeat(99))
            .unwrap();
    }
    let recovery = json(&world.get("/recovery"));
    assert_eq!((&recovery["ready"], &recovery["events"]), (&j!(false), &j!(null)));
    assert!(recovery["catalog_error"].as_str().unwrap().contains("not a database"), "{recovery}");
    let pages: Vec<_> =
        recovery["verdict"]["reasons"].as_array().unwrap().iter().map(|reason| reason["page"].clone()).collect();
    assert_eq!(pages, ["database-damaged", "no-backup"]);
}

#[test]
fn recovery_is_bounded() {
    let world = world();
    world
        .catalog()
        .execute_batch(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO restore_points SELECT
               'backup-n' || i, 'backup', {NOW_MS} - i, 4096, 4096, 1, NULL, '0', '0', NULL, NULL, 0.1, NULL, 0, NULL, NULL, 0 FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             INSERT INTO rehearsals SELECT {NOW_MS} - i, 'x', 'good', NULL, NULL, 1.0, NULL, NULL, NULL FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
             INSERT INTO drills SELECT {NOW_MS} - i, 'x', 1, NULL, NULL, 0, 0, 0 FROM n;"
        ))
        .unwrap();
    let recovery = json(&world.get("/recovery"));
    let length = |key: &str| recovery[key].as_array().unwrap().len();
    assert_eq!((length("backups"), length("rehearsals"), length("drills")), (500, 50, 20));
    assert_eq!(recovery["verdict"]["loss_seconds"], j!(0.25), "the good ones beyond them are known all the same");
}

fn metrics(world: &World) -> Vec<String> {
    let answer = world.get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some(pra_metrics::CONTENT_TYPE));
    String::from_utf8(answer.body).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn metrics_say_what_the_databases_say() {
    let world = world();
    world.get("/add");
    let metrics = metrics(&world);
    for expected in [
        "pra_ready 1.0",
        "pra_events 1.0",
        "pra_catalog_readable 1.0",
        "pra_catalog_published_timestamp_seconds 1736510399.0",
        r#"pra_restore_points{source="backup",verified="true"} 2.0"#,
        r#"pra_restore_points{source="safety-copy",verified="true"} 0.0"#,
        "pra_backup_last_timestamp_seconds 1736510358.0",
        "pra_backup_last_size_bytes 4096.0",
        "pra_backup_last_duration_seconds 0.1",
        "pra_backup_last_verified 1.0",
        "pra_backup_last_warnings 0.0",
        r#"pra_replica_warnings{replica="file:///replica"} 0.0"#,
        r#"pra_replica_lag_seconds{replica="file:///replica"} 0.25"#,
        r#"pra_replica_up{replica="file:///replica"} 1.0"#,
        r#"pra_replica_up{replica="s3://bucket/x"} 0.0"#,
        r#"pra_replica_queue_bytes{replica="s3://bucket/x"} 2048.0"#,
        r#"pra_rehearsal_last_good{source="backup"} 1.0"#,
        r#"pra_rehearsal_last_good_timestamp_seconds{source="backup"} 1736506800.0"#,
        r#"pra_drill_last_kept{drill="volume-loss"} 1.0"#,
        r#"pra_drill_last_rto_seconds{drill="volume-loss"} 8.5"#,
        "pra_restore_running 1.0",
        "pra_restore_last_timestamp_seconds 1736510395.0",
    ] {
        assert!(metrics.iter().any(|line| line == expected), "{expected} is missing in\n{}", metrics.join("\n"));
    }
    let unknown = [
        "pra_replica_lag_seconds{replica=\"s3",
        "pra_replica_warnings{replica=\"s3",
        "pra_restore_last_duration",
        "pra_rehearsal_last_good{source=\"s3",
        "pra_rehearsal_last_good_timestamp_seconds{source=\"s3",
    ];
    for start in unknown {
        assert!(!metrics.iter().any(|line| line.starts_with(start)), "{start} is not known");
    }
}

#[test]
fn metrics_are_answered_where_a_database_fails_or_is_locked() {
    let world = world();
    world.get("/add");
    let locked = world.data();
    locked.execute_batch("PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE").unwrap();
    std::fs::write(world.file("backups"), "this is no database at all, but it is long enough to be one".repeat(99))
        .unwrap();
    let metrics = metrics(&world);
    for expected in ["pra_ready 0.0", "pra_catalog_readable 0.0"] {
        assert!(metrics.iter().any(|line| line == expected), "{metrics:?}");
    }
    for unknown in ["pra_events", "pra_database_size_bytes", "pra_restore_points", "pra_restore_running"] {
        assert!(!metrics.iter().any(|line| line.starts_with(unknown)), "{unknown} is not known");
    }
}

#[test]
fn before_the_first_backup_metrics_know_that_there_is_none() {
    let metrics = metrics(&World::new());
    for expected in ["pra_catalog_readable 1.0", "pra_restore_running 0.0"] {
        assert!(metrics.iter().any(|line| line == expected), "{metrics:?}");
    }
    assert!(!metrics.iter().any(|line| line.starts_with("pra_backup_last")), "{metrics:?}");
}

#[test]
fn a_browser_gets_the_dashboard_and_everybody_else_the_greeting() {
    let world = World::new();
    for (accept, kind) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), "text/html; charset=utf-8"),
    ] {
        let headers: Vec<_> = accept.into_iter().map(|accept| ("Accept", accept)).collect();
        let answer = world.send("GET", "/", &headers, b"");
        assert_eq!((answer.header("content-type"), answer.header("vary")), (Some(kind), Some("Accept")), "{accept:?}");
        assert_eq!(answer.header("content-security-policy").is_some(), kind.starts_with("text/html"));
    }
    assert!(world.statements.borrow().is_empty(), "the page asks for the data itself");
}

#[test]
fn a_full_data_volume_is_not_ready_and_in_danger_while_that_is_known() {
    let world = world();
    let volume = |age: i64, free: i64| {
        let sql = format!(
            "DELETE FROM volumes;
             INSERT INTO volumes VALUES ('data', '/data/app.db', {NOW_MS} - {age}, 1073741824, {free});"
        );
        world.catalog().execute_batch(&sql).unwrap();
    };
    volume(2_000, 500 << 20);
    assert_eq!(world.get("/ready").status, 200);
    volume(2_000, 4_096);
    let refused = world.get("/ready");
    assert_eq!((refused.status, json(&refused)["code"].clone()), (503, j!("volume-full")));
    let verdict = json(&world.get("/recovery"))["verdict"].clone();
    assert_eq!((&verdict["level"], &verdict["reasons"][0]["page"]), (&j!("danger"), &j!("volume-full")));
    volume(181_000, 4_096);
    assert_eq!(world.get("/ready").status, 200, "the old finding no longer counts");
}

#[test]
fn warnings_are_counted_and_those_of_the_newest_good_backup_have_no_verdict() {
    let world = world();
    let before = json(&world.get("/recovery"))["verdict"].clone();
    let sql = "UPDATE restore_points SET warnings = 'page 7: never used' WHERE file = 'backup-1.db';
         UPDATE restore_points SET warnings = 'NULL value in t.x' || char(10) || 'the collation ''unicase'' is missing'
             WHERE file = 'backup-2.db';
         UPDATE replicas SET warnings = 'page 7: never used' WHERE url = 'file:///replica';";
    world.catalog().execute_batch(sql).unwrap();
    let recovery = json(&world.get("/recovery"));
    assert_eq!(recovery["warnings"], j!(["NULL value in t.x", "the collation 'unicase' is missing"]));
    let counts: Vec<_> =
        recovery["backups"].as_array().unwrap().iter().map(|backup| backup["warnings"].clone()).collect();
    assert_eq!(counts, [2, 1]);
    assert_eq!(recovery["replicas"][0]["warnings"], j!(["page 7: never used"]));
    assert_eq!(recovery["replicas"][1]["warnings"], j!(null), "not checked");
    assert_eq!(recovery["verdict"], before, "an older copy would be no better");
    let metrics = metrics(&world);
    for expected in ["pra_backup_last_warnings 2.0", r#"pra_replica_warnings{replica="file:///replica"} 1.0"#] {
        assert!(metrics.iter().any(|line| line == expected), "{expected} is missing in\n{}", metrics.join("\n"));
    }
}

#[test]
fn recovery_has_what_the_rules_come_to_keep() {
    let world = world();
    assert_eq!(json(&world.get("/recovery"))["forecast"], j!(null));
    let sql = format!(
        "INSERT INTO volumes VALUES ('data', '/data/app.db', {NOW_MS}, 1073741824, 900000000),
             ('backup', '/backup', {NOW_MS}, 1073741824, 900000000);
         INSERT INTO forecast VALUES (1, {NOW_MS}, 114, 2000000000, 100000000, '--keep-last 10');"
    );
    world.catalog().execute_batch(&sql).unwrap();
    let recovery = json(&world.get("/recovery"));
    let forecast =
        j!({"files": 114, "bytes": 2_000_000_000, "to_come_bytes": 1_900_000_000, "rules": "--keep-last 10"});
    assert_eq!(recovery["forecast"], forecast);
    let reasons = recovery["verdict"]["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["page"] == "volume-full").unwrap();
    assert_eq!(
        (&reason["level"], reason["text"].as_str().unwrap().starts_with("the backup volume fills up")),
        (&j!("warning"), true)
    );
    let command = r#"kubectl patch pvc pra-backup -p '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}'"#;
    assert_eq!(reason["command"], command);
}

#[test]
fn recovery_has_the_history_of_restores_safety_copies_lags_and_room() {
    let world = world();
    let sql = format!(
        "INSERT INTO restores VALUES ({NOW_MS} - 900000, {NOW_MS} - 899000, 'old.db', 'replace', 1.0, NULL);
         INSERT INTO lags VALUES ('file:///replica', {NOW_MS} - 60000, 0.5), ('file:///replica', {NOW_MS}, 0.25);
         INSERT INTO volumes VALUES ('data', '/srv/app.db', {NOW_MS}, 100, 60), ('backup', '/srv/b', {NOW_MS}, 100, 50);
         UPDATE restore_points SET kind = 'pre-restore', events = 7 WHERE file = 'backup-1.db';"
    );
    world.catalog().execute_batch(&sql).unwrap();
    let recovery = json(&world.get("/recovery"));
    let points: Vec<_> = recovery["restores"].as_array().unwrap().iter().map(|one| one["point"].clone()).collect();
    assert_eq!(points, ["backup-1.db", "old.db"]);
    assert_eq!(recovery["safety_copies"][0]["file"], "backup-1.db");
    assert_eq!(recovery["safety_copies"][0]["events"], 7);
    assert_eq!(recovery["lags"][1]["seconds"], 0.25);
    assert_eq!(recovery["volumes"][1]["free_bytes"], 60);
    assert_eq!(recovery["commands"], j!({"database": "/srv/app.db", "backups": "/srv/b", "cluster": false}));
}
