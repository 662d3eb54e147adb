//! Values on their way between SQLite and a guest.

use std::sync::OnceLock;

use rusqlite::Row;
use rusqlite::types::{Value as Bound, ValueRef};

use crate::bindings::fermyon::spin::sqlite::{Error, Value};

/// Set to `1`, text that is not valid UTF-8 ends the process, as it ends Spin 3.6. A switch for tests: it lets them
/// show that a component never reads such text as text.
const PANIC_SWITCH: &str = "HOST_PANIC_ON_INVALID_UTF8";

/// A parameter, as rusqlite binds it.
pub(super) fn bind(value: Value) -> Bound {
    match value {
        Value::Null => Bound::Null,
        Value::Integer(integer) => Bound::Integer(integer),
        Value::Real(real) => Bound::Real(real),
        Value::Text(text) => Bound::Text(text),
        Value::Blob(blob) => Bound::Blob(blob),
    }
}

/// What a value counts for in the limit on results, in bytes.
pub(super) fn memory_size(value: &Value) -> usize {
    let heap = match value {
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
    };
    size_of::<Value>() + heap
}

/// Reads the rows of one statement.
pub(super) struct RowReader {
    columns: usize,
}

impl RowReader {
    /// For rows of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns }
    }

    /// The row's values, in order.
    ///
    /// # Errors
    /// [`Error::Io`] where a text is not valid UTF-8, which a guest's `string` cannot hold.
    pub(super) fn read(&self, row: &Row<'_>) -> Result<Vec<Value>, Error> {
        (0..self.columns).map(|column| read(row, column)).collect()
    }
}

fn read(row: &Row<'_>, column: usize) -> Result<Value, Error> {
    Ok(match row.get_ref(column).map_err(|error| Error::Io(error.to_string()))? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(error) => return Err(invalid_utf8(column, error)),
        },
    })
}

fn invalid_utf8(column: usize, error: std::str::Utf8Error) -> Error {
    static PANICS: OnceLock<bool> = OnceLock::new();
    if *PANICS.get_or_init(|| std::env::var_os(PANIC_SWITCH).is_some_and(|value| value == "1")) {
        tracing::error!(column, %error, "text that is not valid UTF-8: aborting, as {PANIC_SWITCH} asks");
        std::process::abort();
    }
    Error::Io(format!("column {column} holds text that is not valid UTF-8 ({error}): read it as a BLOB"))
}
