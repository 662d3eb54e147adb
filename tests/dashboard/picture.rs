//! What the README's picture shows.

use std::fmt::Write as _;

use mini_pra_tests::now_ms;

/// Rows of an application that has been at work for a month.
pub(crate) fn rows(newest: &str) -> String {
    let now = now_ms();
    let seen = now + 8_000;
    let minutes = (1..10_i64).chain((1..24).map(|hours| hours * 60)).chain((1..30).map(|days| days * 1_440));
    let mut sql = String::new();
    for (number, age) in minutes.enumerate() {
        let (at, bytes) = (now - age * 60_000, 40_000_000 - 550_000 * i64::try_from(number).unwrap());
        let file = jiff::Timestamp::from_millisecond(at).unwrap().strftime("backup-%Y-%m-%d-%H-%M.db").to_string();
        if file != newest {
            writeln!(
                sql,
                "INSERT INTO restore_points (file, kind, created_at_ms, bytes, page_size, pages, content_checksum,
                     ltx_checksum, verified_at_ms, seconds)
                 VALUES ('{file}', 'backup', {at}, {bytes}, 4096, 1, '0', '0', {at}, 0.4) ON CONFLICT DO NOTHING;"
            )
            .unwrap();
        }
    }
    for age in 0..60_i64 {
        let lag = [0.4, 0.7, 0.5, 1.8][usize::try_from(age * age % 4).unwrap_or(0)];
        writeln!(sql, "INSERT OR REPLACE INTO lags VALUES ('s3://bucket/events', {now} - {age} * 60000, {lag});")
            .unwrap();
    }
    write!(
        sql,
        "UPDATE restore_points SET bytes = 40000000 WHERE file = '{newest}';
         UPDATE restore_points SET events = bytes / 33250;
         UPDATE volumes SET path = CASE volume WHEN 'data' THEN '/srv/app/data/app.db' ELSE '/srv/app/backup' END;
         DELETE FROM replicas;
         INSERT INTO replicas VALUES
             ('file:///mnt/disk/events', {seen}, 'e1', 17, {seen} - 300, {now} - 2592000000, 0, 0, 0, NULL, ''),
             ('s3://bucket/events', {seen}, 'e1', 17, {seen} - 700, {now} - 604800000, 0, 0, 1, NULL, '');
         DELETE FROM rehearsals;
         INSERT INTO rehearsals VALUES
             ({now} - 32400000, 'backup', 'good', 'backup-1.db', NULL, 1.3, 4096, 3, NULL),
             ({now} - 32398000, 'file:///mnt/disk/events', 'good', 'x', NULL, 2.1, 4096, 3, NULL),
             ({now} - 32395000, 's3://bucket/events', 'not-rehearsed', NULL, NULL, 0.6, NULL, NULL, NULL);
         INSERT INTO drills VALUES ({now} - 93600000, 'pod-crash', 1, 0.2, 0, 100, 0, 0);"
    )
    .unwrap();
    sql
}
