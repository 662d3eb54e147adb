//! A world for the application without Spin: SQLite through rusqlite, with Spin's words for errors, and a clock that
//! only moves when it is told to.

// Each test file uses its part of this.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::time::Duration;

use events::app::{self, Step};
use events::http::{Request, Response};
use events::platform::{Connection, Param, Platform, Row, SqlError, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The instant at which every test begins: 2025-01-10T12:00:00Z.
pub(crate) const NOW_MS: i64 = 1_736_510_400_000;

/// A machine with two databases.
pub(crate) struct World {
    folder: std::sync::Arc<tempfile::TempDir>,
    pub(crate) api_token: Result<String, String>,
    pub(crate) auto_init: Result<String, String>,
    pub(crate) now_ms: Cell<i64>,
    waited: Cell<Duration>,
    /// Whether waiting takes real time, for tests in which others are at work at the same time.
    pub(crate) in_real_time: bool,
    /// How long the application has slept for a lock.
    pub(crate) slept: Cell<Duration>,
    /// Called before each sleep.
    on_sleep: RefCell<Option<Box<dyn FnMut()>>>,
    /// Every statement that was run.
    pub(crate) statements: std::rc::Rc<RefCell<Vec<&'static str>>>,
    /// A statement that starts like this fails with these words.
    pub(crate) fault: std::rc::Rc<RefCell<Option<(&'static str, &'static str)>>>,
}

impl World {
    /// An empty machine, as `spin up` finds it.
    pub(crate) fn new() -> Self {
        Self::on(std::sync::Arc::new(tempfile::tempdir().unwrap()))
    }

    /// One more application on the same disk.
    pub(crate) fn on(folder: std::sync::Arc<tempfile::TempDir>) -> Self {
        Self {
            folder,
            api_token: Ok(String::new()),
            auto_init: Ok("true".to_owned()),
            now_ms: Cell::new(NOW_MS),
            waited: Cell::default(),
            in_real_time: false,
            slept: Cell::default(),
            on_sleep: RefCell::default(),
            statements: std::rc::Rc::default(),
            fault: std::rc::Rc::default(),
        }
    }

    pub(crate) fn disk(&self) -> std::sync::Arc<tempfile::TempDir> {
        self.folder.clone()
    }

    pub(crate) fn file(&self, label: &str) -> PathBuf {
        self.folder.path().join(format!("{label}.db"))
    }

    /// The data, past the application.
    pub(crate) fn data(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file("default")).unwrap()
    }

    /// The catalog of backups, to write into it.
    pub(crate) fn catalog(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file("backups")).unwrap()
    }

    /// What happens while the application waits for a lock.
    pub(crate) fn on_sleep(&self, action: impl FnMut() + 'static) {
        *self.on_sleep.borrow_mut() = Some(Box::new(action));
    }

    /// Makes a catalog with backups: name, instant in ms, verified, error.
    pub(crate) fn publish(&self, backups: &[(&str, i64, bool, Option<&str>)]) {
        let catalog = self.catalog();
        catalog.pragma_update(None, "user_version", ::catalog::VERSION).unwrap();
        catalog.execute_batch(::catalog::SCHEMA).unwrap();
        for (file, created_at_ms, verified, error) in backups {
            let kind = if file.starts_with("pre-restore") { "pre-restore" } else { "backup" };
            let verified_at_ms = verified.then_some(created_at_ms);
            catalog
                .execute(
                    "INSERT INTO restore_points VALUES
                       (?1, ?2, ?3, 4096, 4096, 1, NULL, '0', '0', ?4, ?5, 0.1, NULL, 0, NULL, NULL, 0)",
                    (file, kind, created_at_ms, verified_at_ms, error),
                )
                .unwrap();
        }
    }

    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let request = Request { method: method.to_owned(), target: target.to_owned(), authority: None, headers };
        match app::begin(self, &request) {
            Step::Answer(response) => response,
            Step::Body(mut upload) => {
                for piece in body.chunks(16 * 1024) {
                    if let Err(response) = upload.push(piece) {
                        return *response;
                    }
                }
                upload.finish(self)
            }
        }
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.send("GET", target, &[], b"")
    }

    pub(crate) fn post(&self, body: &str) -> Response {
        self.send("POST", "/events", &[], body.as_bytes())
    }

    pub(crate) fn post_with_key(&self, key: &str, body: &str) -> Response {
        self.send("POST", "/events", &[("Idempotency-Key", key)], body.as_bytes())
    }

    /// The number of events, as `/count` says.
    pub(crate) fn count(&self) -> i64 {
        json(&self.get("/count"))["count"].as_i64().unwrap()
    }
}

/// The body of an answer.
pub(crate) fn json(response: &Response) -> serde_json::Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// Asserts a problem document and returns its code.
pub(crate) fn problem(response: &Response, status: u16) -> String {
    let body = json(response);
    assert_eq!(response.status, status, "{body}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(body["status"], status);
    if status == 503 {
        assert!(response.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    }
    body["code"].as_str().unwrap().to_owned()
}

impl Platform for World {
    type Connection = Opened;

    fn open(&self, label: &str) -> Result<Opened, SqlError> {
        let database = rusqlite::Connection::open(self.file(label)).map_err(words)?;
        // Waiting is the application's business here: a test must not wait for a lock that the test itself holds.
        database.busy_timeout(Duration::ZERO).map_err(words)?;
        Ok(Opened { database, statements: self.statements.clone(), fault: self.fault.clone() })
    }

    fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    fn elapsed(&self) -> Duration {
        // The millisecond that SQLite itself waits at each try.
        self.waited.set(self.waited.get() + Duration::from_millis(1));
        self.waited.get()
    }

    fn sleep(&self, pause: Duration) {
        if let Some(action) = self.on_sleep.borrow_mut().as_mut() {
            action();
        }
        if self.in_real_time {
            std::thread::sleep(pause);
        }
        self.waited.set(self.waited.get() + pause);
        self.slept.set(self.slept.get() + pause);
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        match name {
            "api_token" => self.api_token.clone(),
            "auto_init" => self.auto_init.clone(),
            _ => Err(format!("unknown variable '{name}'")),
        }
    }
}

pub(crate) struct Opened {
    database: rusqlite::Connection,
    statements: std::rc::Rc<RefCell<Vec<&'static str>>>,
    fault: std::rc::Rc<RefCell<Option<(&'static str, &'static str)>>>,
}

impl Connection for Opened {
    fn execute(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError> {
        self.statements.borrow_mut().push(statement);
        if let Some((start, message)) = *self.fault.borrow()
            && statement.starts_with(start)
        {
            return Err(SqlError::from_message(message.to_owned()));
        }
        let mut prepared = self.database.prepare(statement).map_err(words)?;
        let columns = prepared.column_count();
        let parameters = rusqlite::params_from_iter(parameters.iter().map(Bound));
        let rows = prepared
            .query_map(parameters, |row| (0..columns).map(|column| Ok(value(row.get_ref(column)?))).collect())
            .map_err(words)?;
        rows.collect::<Result<_, _>>().map_err(words)
    }
}

struct Bound<'a>(&'a Param<'a>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self.0 {
            Param::Null => ValueRef::Null,
            Param::Integer(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        // What Spin's host does, where this panics the whole application dies.
        ValueRef::Text(text) => Value::Blob(String::from_utf8(text.to_vec()).unwrap().into_bytes()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

#[allow(clippy::needless_pass_by_value)]
fn words(error: rusqlite::Error) -> SqlError {
    SqlError::from_message(error.to_string())
}
