//! The columns of a row, one after the other.

use crate::platform::{Row, Value};
use crate::text;

/// What is left of a row. A column that is missing or of another kind ends the reading of the row.
pub(super) struct Columns(std::vec::IntoIter<Value>);

impl Columns {
    /// Reads every row with `read`.
    ///
    /// # Errors
    /// Where a row of `table` is not what it should be: to leave it out would hide something.
    pub(super) fn read<T>(
        rows: Vec<Row>,
        table: &str,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let read = |row: Row| read(&mut Self(row.into_iter()));
        rows.into_iter().map(read).collect::<Option<_>>().ok_or_else(|| format!("a row of '{table}' is malformed"))
    }

    pub(super) fn text(&mut self) -> Option<String> {
        self.maybe_text()?
    }

    /// `Some(None)` is a NULL.
    pub(super) fn maybe_text(&mut self) -> Option<Option<String>> {
        Some(match self.0.next()? {
            Value::Null => None,
            value => Some(text::decode(value)),
        })
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        self.maybe_integer()?
    }

    pub(super) fn maybe_integer(&mut self) -> Option<Option<i64>> {
        match self.0.next()? {
            Value::Null => Some(None),
            value => text::integer(&value).map(Some),
        }
    }

    /// 0 is no, everything else yes.
    pub(super) fn flag(&mut self) -> Option<bool> {
        Some(self.integer()? != 0)
    }

    pub(super) fn real(&mut self) -> Option<f64> {
        self.maybe_real()?
    }

    pub(super) fn maybe_real(&mut self) -> Option<Option<f64>> {
        match self.0.next()? {
            Value::Null => Some(None),
            // What JSON cannot hold is no duration.
            Value::Real(number) if number.is_finite() => Some(Some(number)),
            _ => None,
        }
    }
}
