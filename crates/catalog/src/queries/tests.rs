use jiff::Timestamp;
use pra_core::Kind;
use pra_core::fixtures::backup;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::*;
use crate::columns::Value;
use crate::point::Owner;
use crate::record::{Outcome, Place, ToRow};
use crate::{SCHEMA, VERSION};

/// rusqlite's row.
struct Read<'a>(&'a rusqlite::Row<'a>, usize);

impl<'a> Read<'a> {
    fn next(&mut self) -> ValueRef<'a> {
        self.1 += 1;
        self.0.get_ref(self.1 - 1).unwrap()
    }
}

impl Columns for Read<'_> {
    type Error = String;

    fn maybe_text(&mut self) -> Result<Option<String>, String> {
        Ok(self.next().as_bytes_or_null().unwrap().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()))
    }

    fn maybe_integer(&mut self) -> Result<Option<i64>, String> {
        Ok(self.next().as_i64_or_null().unwrap())
    }

    fn maybe_real(&mut self) -> Result<Option<f64>, String> {
        Ok(self.next().as_f64_or_null().unwrap())
    }

    fn malformed(&self, why: String) -> String {
        why
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn empty() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn all<T: FromRow>(connection: &Connection, query: &Query<T>, more: &[i64]) -> Result<Vec<T>, String> {
    let mut statement = connection.prepare(query.sql()).unwrap();
    let mut rows = statement.query(params_from_iter([ALL].iter().chain(more))).unwrap();
    let mut records = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut read = Read(row, 0);
        records.push(query.read(&mut read)?);
        assert_eq!(read.1, row.as_ref().column_count(), "each column of {} is read", query.table());
    }
    Ok(records)
}

fn insert<T: ToRow>(connection: &Connection, record: &T) {
    connection.execute(T::INSERT, params_from_iter(record.values())).unwrap();
}

#[track_caller]
fn is_read_as_it_was_written<T: FromRow + ToRow + PartialEq + std::fmt::Debug>(query: &Query<T>, record: T) {
    let connection = empty();
    insert(&connection, &record);
    assert_eq!(all(&connection, query, &[]).unwrap(), [record]);
}

#[test]
fn each_record_is_read_as_it_was_written() {
    is_read_as_it_was_written(&RESTORE_POINTS, backup("2025-01-10T12:00:00Z"));
    let mut point = backup("2025-01-10T12:00:00Z");
    point.kind = Kind::PreRestore;
    point.warnings = vec!["one".to_owned(), "two".to_owned()];
    point.error = Some("damaged".to_owned());
    point.file_checksum = Some(point.ltx_checksum);
    is_read_as_it_was_written(&RESTORE_POINTS, point);
    is_read_as_it_was_written(&ANNOUNCED, Announced("backup-1.db".to_owned()));
    let owner = Owner {
        id: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        path: "/data/app.db".into(),
        host: "a".to_owned(),
    };
    for owner in [Some(owner), None] {
        let publication = Publication { at: at(1), writer: "test".to_owned(), source: Some("s".to_owned()), owner };
        is_read_as_it_was_written(&PUBLICATION, publication);
    }
    is_read_as_it_was_written(&REPLICAS, crate::record::tests::replica(100, None));
    let warnings = Some(Vec::new());
    is_read_as_it_was_written(&REPLICAS, Replica { warnings, ..crate::record::tests::replica(100, Some(99)) });
    for outcome in [Outcome::Good, Outcome::Failed, Outcome::NotRehearsed] {
        is_read_as_it_was_written(&REHEARSALS, rehearsal(1, outcome));
    }
    let (rto_seconds, rpo_seconds) = (Some(1.5), None);
    let kind = "pod-crash".to_owned();
    let drill = Drill { at: at(1), kind, kept: true, rto_seconds, rpo_seconds, acknowledged: 3, lost: 2, refused: 1 };
    is_read_as_it_was_written(&DRILLS, drill);
    let (ended, seconds) = (Some(at(2)), Some(0.5));
    let point = "latest".to_owned();
    is_read_as_it_was_written(&RESTORES, Restore { began: at(1), ended, point, mode: None, seconds, error: None });
    for place in [Place::Data, Place::Backup] {
        is_read_as_it_was_written(&VOLUMES, Volume { place, path: "/x".to_owned(), at: at(1), total: 2, free: 1 });
    }
    is_read_as_it_was_written(&FORECAST, Forecast { at: at(1), files: 1, bytes: 2, present: 1, rules: None });
    is_read_as_it_was_written(&LAGS, Lag { url: "file:///a".to_owned(), at: at(1), seconds: 0.5 });
}

fn rehearsal(ms: i64, outcome: Outcome) -> Rehearsal {
    Rehearsal {
        at: at(ms),
        source: "backup".to_owned(),
        outcome,
        point: Some("backup-1.db".to_owned()),
        point_at: Some(at(0)),
        seconds: 0.25,
        bytes: Some(4_096),
        events: None,
        error: None,
    }
}

#[test]
fn of_each_source_the_newest_rehearsal_and_the_newest_good_one_are_found() {
    let connection = empty();
    for (ms, outcome) in [(1, Outcome::Good), (2, Outcome::Good), (3, Outcome::Failed)] {
        insert(&connection, &rehearsal(ms, outcome));
    }
    assert_eq!(all(&connection, &LAST_REHEARSALS, &[]).unwrap(), [rehearsal(3, Outcome::Failed)]);
    assert_eq!(all(&connection, &LAST_GOOD_REHEARSALS, &[]).unwrap(), [rehearsal(2, Outcome::Good)]);
}

#[test]
fn a_good_backup_is_read_back_without_an_error_and_not_ahead_of_the_clock() {
    let connection = empty();
    let add = |sequence, created_at: &str, change: fn(&mut RestorePoint)| {
        let mut point = RestorePoint { sequence, verified_at: Some(at(1)), ..backup(created_at) };
        change(&mut point);
        insert(&connection, &point);
        point.file
    };
    let now = "2025-01-10T12:10:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let good = add(1, "2025-01-10T12:00:00Z", |point| point.warnings = vec!["one".to_owned(), "two".to_owned()]);
    let bad = add(2, "2025-01-10T12:01:00Z", |point| point.error = Some("damaged".to_owned()));
    let unread = add(3, "2025-01-10T12:02:00Z", |point| point.verified_at = None);
    let ahead = add(4, "2026-01-10T12:00:00Z", |_| {});
    let files = |query, more: &[i64]| -> Vec<String> {
        all(&connection, query, more).unwrap().into_iter().map(|backup: Backup| backup.file).collect()
    };
    assert_eq!(files(&BACKUPS, &[]), [&ahead, &unread, &bad, &good].map(String::as_str));
    assert_eq!(files(&GOOD_BACKUPS, &[now]), [good]);
    assert_eq!(files(&BACKUPS_AHEAD, &[now]), [ahead]);
    assert_eq!(files(&SAFETY_COPIES, &[]), <[&str; 0]>::default());
    let warnings = all(&connection, &GOOD_BACKUPS_WARNINGS, &[now]).unwrap();
    assert_eq!(warnings, [Warnings(vec!["one".to_owned(), "two".to_owned()])]);
    assert_eq!(all(&connection, &GOOD_BACKUPS, &[now]).unwrap()[0].warnings, 2);
    let counted = all(&connection, &COUNTED, &[]).unwrap();
    let of = |are_good, count| Counted { are_backups: true, are_good, count };
    assert_eq!(counted, [of(false, 2), of(true, 2)]);
}

#[test]
fn what_is_not_as_it_should_be_is_refused_but_for_an_outcome_of_a_later_version() {
    let connection = empty();
    connection.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    insert(&connection, &rehearsal(1, Outcome::Good));
    connection.execute_batch("UPDATE rehearsals SET outcome = 'excellent'").unwrap();
    assert_eq!(all(&connection, &REHEARSALS, &[]).unwrap(), [rehearsal(1, Outcome::NotRehearsed)]);
    connection.execute_batch("UPDATE rehearsals SET bytes = -1").unwrap();
    assert!(all(&connection, &REHEARSALS, &[]).is_err());
    connection.execute_batch("INSERT INTO volumes VALUES ('tape', '/x', 1, 2, 1)").unwrap();
    assert_eq!(all(&connection, &VOLUMES, &[]).unwrap_err(), "'tape' is no volume");
    connection.execute_batch("INSERT INTO lags VALUES ('a', 9223372036854775807, 1.0)").unwrap();
    assert!(all(&connection, &LAGS, &[]).is_err());
}

#[test]
fn the_schema_says_its_version() {
    assert!(SCHEMA.starts_with(&format!("-- The catalog, version {VERSION}.")));
}
