//! The columns of a row, one after the other, as the platform hands them out.

use catalog::Columns;

use crate::platform::{Row, Value};
use crate::text;

/// What is left of a row.
pub(super) struct Rest(std::vec::IntoIter<Value>);

/// A column that is missing or of another kind ends the reading of the row: which table it is of says enough.
#[derive(Debug)]
pub(super) struct Malformed;

impl Rest {
    pub(super) fn of(row: Row) -> Self {
        Self(row.into_iter())
    }

    fn next(&mut self) -> Result<Value, Malformed> {
        self.0.next().ok_or(Malformed)
    }
}

impl Columns for Rest {
    type Error = Malformed;

    fn maybe_text(&mut self) -> Result<Option<String>, Malformed> {
        Ok(match self.next()? {
            Value::Null => None,
            value => Some(text::decode(value)),
        })
    }

    fn maybe_integer(&mut self) -> Result<Option<i64>, Malformed> {
        match self.next()? {
            Value::Null => Ok(None),
            value => text::integer(&value).map(Some).ok_or(Malformed),
        }
    }

    fn maybe_real(&mut self) -> Result<Option<f64>, Malformed> {
        match self.next()? {
            Value::Null => Ok(None),
            // What JSON cannot hold is no duration.
            Value::Real(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Malformed),
        }
    }

    fn malformed(&self, _why: String) -> Malformed {
        Malformed
    }
}
