use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::budget::Budget;

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A connection, and memory enough for what it reads.
struct Tested(Connection, MemoryLimit);

impl Tested {
    fn query(&mut self, statement: &str, parameters: Vec<Value>) -> Result<QueryResult, Error> {
        self.0.query(statement, parameters, &mut self.1)
    }
}

fn connection(file: &Path) -> Tested {
    until(file, later())
}

fn until(file: &Path, deadline: Instant) -> Tested {
    sharing(file, deadline, &Budget::new(1 << 30))
}

fn sharing(file: &Path, deadline: Instant, budget: &Budget) -> Tested {
    Tested(Connection::new(file.into(), deadline), MemoryLimit::new(0, budget.share(), deadline))
}

fn error(result: Result<QueryResult, Error>) -> String {
    match result {
        Err(Error::Io(words)) => words,
        other => panic!("expected an error with words, got {other:?}"),
    }
}

#[test]
fn the_file_is_made_by_the_first_statement_and_not_by_open() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    let mut connection = connection(&file);
    assert!(!file.exists());
    connection.query("CREATE TABLE t (x)", Vec::new()).unwrap();
    assert!(file.exists());
}

#[test]
fn every_kind_of_value_comes_back_as_it_went_in() {
    let folder = TempDir::new().unwrap();
    let mut connection = connection(&folder.path().join("a.db"));
    let values = || {
        vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(0.5),
            Value::Text("é\0".to_owned()),
            Value::Blob(vec![0xff, 0]),
        ]
    };
    let result = connection.query("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e", values()).unwrap();
    assert_eq!(result.columns, ["a", "b", "c", "d", "e"]);
    assert_eq!(format!("{:?}", result.rows[0].values), format!("{:?}", values()));
}

#[test]
fn the_busy_timeout_is_five_seconds_and_no_other_pragma_is_set() {
    let folder = TempDir::new().unwrap();
    let mut connection = connection(&folder.path().join("a.db"));
    let mut pragma =
        |name: &str| format!("{:?}", connection.query(&format!("PRAGMA {name}"), Vec::new()).unwrap().rows[0].values);
    assert_eq!(pragma("busy_timeout"), format!("{:?}", [Value::Integer(5000)]));
    assert_eq!(pragma("journal_mode"), format!("{:?}", [Value::Text("delete".to_owned())]));
    assert_eq!(pragma("synchronous"), format!("{:?}", [Value::Integer(2)]));
    assert_eq!(pragma("wal_autocheckpoint"), format!("{:?}", [Value::Integer(1000)]));
}

#[test]
fn text_that_is_not_utf8_is_an_error_for_the_guest() {
    let folder = TempDir::new().unwrap();
    let mut connection = connection(&folder.path().join("a.db"));
    let words = error(connection.query("SELECT 1, CAST(x'ff41' AS TEXT)", Vec::new()));
    assert!(words.contains("column 1 holds text that is not valid UTF-8"), "{words}");
    connection.query("SELECT CAST(x'ff41' AS BLOB)", Vec::new()).unwrap();
}

#[test]
#[ignore = "ends the process: run by the test below, in a process of its own"]
fn read_text_that_is_not_utf8() {
    text_that_is_not_utf8_is_an_error_for_the_guest();
}

#[test]
fn text_that_is_not_utf8_ends_the_process_where_the_switch_asks_for_it() {
    use std::os::unix::process::ExitStatusExt;
    const ABORTED: i32 = 6;
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "sqlite::connection::tests::read_text_that_is_not_utf8"]);
    let with_switch = child.env("HOST_PANIC_ON_INVALID_UTF8", "1").output().unwrap();
    assert_eq!(with_switch.status.signal(), Some(ABORTED));
    let without = child.env_remove("HOST_PANIC_ON_INVALID_UTF8").output().unwrap();
    assert!(without.status.success());
}

#[test]
fn a_statement_is_interrupted_when_the_requests_time_is_over() {
    let folder = TempDir::new().unwrap();
    let mut connection = until(&folder.path().join("a.db"), Instant::now());
    let for_ever = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    assert_eq!(error(connection.query(for_ever, Vec::new())), "interrupted");
}

#[test]
fn a_result_above_the_limit_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut connection = connection(&folder.path().join("a.db"));
    let words = error(connection.query("SELECT zeroblob(134217729)", Vec::new()));
    assert_eq!(words, "query result exceeds limit of 134217728 bytes");
}

#[test]
fn a_result_that_the_budget_has_no_room_for_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut connection = sharing(&folder.path().join("a.db"), Instant::now(), &Budget::new(1 << 20));
    connection.query("SELECT zeroblob(1000000)", Vec::new()).unwrap();
    let words = error(connection.query("SELECT zeroblob(4000000)", Vec::new()));
    assert_eq!(words, "too many large answers at once: no memory is left for this one");
    assert!(connection.1.crowded);
}

#[test]
fn another_file_cannot_be_attached_and_vacuum_still_works() {
    let folder = TempDir::new().unwrap();
    let mut connection = connection(&folder.path().join("a.db"));
    let other = folder.path().join("b.db").display().to_string();
    let denied = [
        (format!("ATTACH '{other}' AS b"), Vec::new()),
        ("ATTACH ? AS b".to_owned(), vec![Value::Text(other.clone())]),
        (format!("ATTACH '{other}' || '' AS b"), Vec::new()),
        (format!("VACUUM INTO '{other}'"), Vec::new()),
    ];
    for (statement, parameters) in denied {
        let words = error(connection.query(&statement, parameters));
        assert!(words.contains("not authorized") || words.contains("authorization denied"), "{statement}: {words}");
    }
    assert!(!Path::new(&other).exists());
    connection.query("VACUUM", Vec::new()).unwrap();
}

#[test]
fn a_missing_folder_is_sqlites_error_and_not_the_hosts() {
    let words = error(connection(Path::new("/nowhere/a.db")).query("SELECT 1", Vec::new()));
    assert!(words.contains("unable to open database file"), "{words}");
}

#[test]
fn a_database_that_may_only_be_read_is_opened_for_reading() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a.db");
    connection(&file).query("CREATE TABLE t (x)", Vec::new()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    let mut connection = connection(&file);
    connection.query("SELECT count(*) FROM t", Vec::new()).unwrap();
    let root_may_write = std::fs::OpenOptions::new().write(true).open(&file).is_ok();
    if !root_may_write {
        assert!(error(connection.query("INSERT INTO t VALUES (1)", Vec::new())).contains("readonly"));
    }
}
