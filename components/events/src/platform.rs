//! The interface to the component's environment, so that everything else can run without Spin.

use std::time::Duration;

/// The environment: databases, clocks and configuration.
pub trait Platform {
    /// An open database. Dropping it closes it and rolls back what was not committed.
    type Connection: Connection;

    /// Opens the database with this label.
    ///
    /// # Errors
    /// Where the label is unknown or not allowed. A file that cannot be opened may only show at the first statement.
    fn open(&self, label: &str) -> Result<Self::Connection, SqlError>;

    /// The wall clock, in milliseconds since the epoch, UTC.
    fn now_ms(&self) -> i64;

    /// A clock that never goes back, from an arbitrary origin.
    fn elapsed(&self) -> Duration;

    /// Waits for at least this long.
    fn sleep(&self, pause: Duration);

    /// The value of a configuration variable.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn variable(&self, name: &str) -> Result<String, String>;
}

/// One open database.
pub trait Connection {
    /// Runs one statement to its end and returns its rows.
    ///
    /// The statement is static by type: no SQL is ever built from input.
    ///
    /// # Errors
    /// What SQLite said. A failed statement has changed nothing.
    fn execute(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Row>, SqlError>;
}

/// A parameter of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param<'a> {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// A value of a row.
///
/// There is no text: a TEXT that is not valid UTF-8 makes Spin's SQLite host panic, so every statement reads text
/// columns as BLOB, and a text that comes all the same arrives here as its bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Bytes, or the bytes of a text.
    Blob(Vec<u8>),
}

/// One row of an answer, in the order of the statement's columns.
pub type Row = Vec<Value>;

/// What can go wrong with a statement. Spin hands out no SQLite codes, only their text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Another connection holds the lock that this statement needs.
    #[error("{0}")]
    Locked(String),
    /// A table that the statement names is not there.
    #[error("{0}")]
    NoSuchTable(String),
    /// There is no file, or it may not be opened.
    #[error("{0}")]
    CannotOpen(String),
    /// Anything else: a full disk, a damaged file, a label that is not configured.
    #[error("{0}")]
    Other(String),
}

impl SqlError {
    /// Classifies SQLite's messages, as rusqlite prints them.
    #[must_use]
    pub fn from_message(message: String) -> Self {
        // SQLITE_PROTOCOL ("locking protocol") too is only contention, on the locks of the WAL index.
        let locked = ["is locked", "locking protocol"];
        if locked.iter().any(|words| message.contains(words)) {
            Self::Locked(message)
        } else if message.starts_with("no such table") {
            Self::NoSuchTable(message)
        } else if message.starts_with("unable to open database file") {
            Self::CannotOpen(message)
        } else {
            Self::Other(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_sqlite_are_sorted_by_what_can_be_done_about_them() {
        let kind = |message: &str| SqlError::from_message(message.to_owned());
        assert!(matches!(kind("database is locked"), SqlError::Locked(_)));
        assert!(matches!(kind("database table is locked: events"), SqlError::Locked(_)));
        assert!(matches!(kind("locking protocol"), SqlError::Locked(_)));
        assert!(matches!(kind("no such table: events in SELECT 1 at offset 7"), SqlError::NoSuchTable(_)));
        assert!(matches!(kind("unable to open database file: /backup/catalog.db"), SqlError::CannotOpen(_)));
        assert!(matches!(kind("database disk image is malformed"), SqlError::Other(_)));
    }
}
