//! A database as the tests look at it and damage it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params};

/// An event of the application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The id.
    pub id: i64,
    /// The server's time, RFC 3339.
    pub timestamp: String,
    /// The message.
    pub message: String,
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens an existing database, to read and to write. Never checkpoints by itself.
    ///
    /// # Panics
    /// Where it cannot be opened.
    #[must_use]
    #[track_caller]
    pub fn open(path: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::with(Connection::open_with_flags(path, flags).expect("failed to open the database"))
    }

    /// Makes a database, or opens an existing one.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    #[track_caller]
    pub fn create(path: &Path) -> Self {
        Self::with(Connection::open(path).expect("failed to make the database"))
    }

    fn with(connection: Connection) -> Self {
        connection.busy_timeout(Duration::from_secs(10)).expect("failed to set the busy timeout");
        connection.pragma_update(None, "wal_autocheckpoint", 0).expect("failed to turn checkpoints off");
        Self { connection }
    }

    /// The connection itself, for what is not here.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs statements.
    ///
    /// # Panics
    /// Where one fails.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The first column of the first row.
    ///
    /// # Panics
    /// Where there is none or it is of another type.
    #[track_caller]
    pub fn get<T: rusqlite::types::FromSql>(&self, sql: &str, parameters: impl Params) -> T {
        self.connection.query_row(sql, parameters, |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// All events, by id.
    ///
    /// # Panics
    /// Where the table is missing or holds something else.
    #[must_use]
    #[track_caller]
    pub fn events(&self) -> Vec<Event> {
        let sql = "SELECT id, timestamp, message FROM events ORDER BY id";
        let mut statement = self.connection.prepare(sql).expect("failed to read the events");
        let event =
            |row: &rusqlite::Row<'_>| Ok(Event { id: row.get(0)?, timestamp: row.get(1)?, message: row.get(2)? });
        let rows = statement.query_map([], event).expect("failed to read the events");
        rows.map(|row| row.expect("failed to read an event")).collect()
    }

    /// The messages of all events, by id.
    #[must_use]
    #[track_caller]
    pub fn messages(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.message).collect()
    }

    /// Adds events with these messages, in one transaction.
    ///
    /// # Panics
    /// Where that fails.
    #[track_caller]
    pub fn add<'a>(&self, messages: impl IntoIterator<Item = &'a str>) {
        self.run("BEGIN IMMEDIATE");
        let sql = "INSERT INTO events (timestamp, message) VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?)";
        let mut statement = self.connection.prepare_cached(sql).expect("failed to prepare");
        for message in messages {
            statement.execute([message]).expect("failed to add an event");
        }
        drop(statement);
        self.run("COMMIT");
    }

    /// What `integrity_check` says: `ok`, or what is wrong.
    #[must_use]
    #[track_caller]
    pub fn integrity(&self) -> String {
        self.get("PRAGMA integrity_check", [])
    }

    /// The journal mode: `wal` or `delete`.
    #[must_use]
    #[track_caller]
    pub fn journal_mode(&self) -> String {
        self.get("PRAGMA journal_mode", [])
    }
}
