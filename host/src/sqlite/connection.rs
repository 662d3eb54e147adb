//! A guest's connection.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{ffi, params_from_iter};

use super::value::{RowReader, memory_size};
use crate::bindings::fermyon::spin::sqlite::{Error, QueryResult, RowResult, Value};
use crate::limits::MemoryLimit;

/// How long a statement waits for another connection's lock, as under Spin.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that one query may return, in bytes of memory, as under Spin.
const MAX_RESULT_BYTES: usize = 128 << 20;

/// How many virtual machine instructions pass between two looks at the clock: some milliseconds.
const STEPS_BETWEEN_CHECKS: i32 = 100_000;

/// A connection that opens its file with the first statement.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {
    file: Arc<Path>,
    deadline: Instant,
    connection: Option<rusqlite::Connection>,
}

impl Connection {
    /// A connection to `file` whose statements are interrupted at `deadline`.
    pub(crate) fn new(file: Arc<Path>, deadline: Instant) -> Self {
        Self { file, deadline, connection: None }
    }

    /// Runs one statement and reads all of its rows.
    ///
    /// # Errors
    /// [`Error::Io`] with SQLite's words.
    pub(crate) fn query(
        &mut self,
        statement: &str,
        parameters: Vec<Value>,
        memory: &mut MemoryLimit,
    ) -> Result<QueryResult, Error> {
        blocking(|| self.open()?.query(statement, parameters, memory))
    }

    fn open(&mut self) -> Result<Opened<'_>, Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(open(&self.file, self.deadline).map_err(to_guest)?),
        };
        Ok(Opened(connection))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Closing may checkpoint: the last connection to a WAL database writes all of it back.
        if let Some(connection) = self.connection.take() {
            blocking(|| drop(connection));
        }
    }
}

/// The one door to work that blocks. The thread is the connection's own lane: no other request waits for it.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn open(file: &Path, deadline: Instant) -> rusqlite::Result<rusqlite::Connection> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.authorizer(Some(|context: AuthContext<'_>| authorize(context.action)))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || Instant::now() >= deadline))?;
    Ok(connection)
}

/// Denies ATTACH of a file, as Spin does from 4.0.1 on: the component sees the files that it declared and no others.
/// Without a name it is a temporary database, which VACUUM needs.
fn authorize(action: AuthAction<'_>) -> Authorization {
    match action {
        AuthAction::Attach { filename: "" | ":memory:" } => Authorization::Allow,
        AuthAction::Attach { .. } | AuthAction::Unknown { code: ffi::SQLITE_ATTACH, .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

struct Opened<'c>(&'c rusqlite::Connection);

impl Opened<'_> {
    fn query(&self, statement: &str, parameters: Vec<Value>, memory: &mut MemoryLimit) -> Result<QueryResult, Error> {
        let mut statement = self.0.prepare_cached(statement).map_err(to_guest)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let reader = RowReader::new(columns.len());
        let mut rows =
            statement.query(params_from_iter(parameters.into_iter().map(super::value::bind))).map_err(to_guest)?;
        let mut result = QueryResult { columns, rows: Vec::new() };
        let mut bytes = size_of::<QueryResult>();
        while let Some(row) = rows.next().map_err(to_guest)? {
            let values = reader.read(row)?;
            bytes += values.iter().map(memory_size).sum::<usize>();
            if bytes > MAX_RESULT_BYTES {
                return Err(Error::Io(format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes")));
            }
            if !memory.result(bytes) {
                return Err(Error::Io("too many large answers at once: no memory is left for this one".to_owned()));
            }
            result.rows.push(RowResult { values });
        }
        Ok(result)
    }
}

fn to_guest(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

#[cfg(test)]
mod tests;
