//! How a row is read and written, whatever reads SQLite.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

/// A row that is read one column after the other.
///
/// Queries read texts as BLOB, since Spin's host panics at a TEXT that is not valid UTF-8. So [`Self::maybe_text`] takes both.
pub trait Columns {
    /// Why a row cannot be read.
    type Error;

    /// The next column: a text.
    ///
    /// # Errors
    /// Where it is missing or of another kind.
    fn maybe_text(&mut self) -> Result<Option<String>, Self::Error>;

    /// The next column: an integer.
    ///
    /// # Errors
    /// As [`Self::maybe_text`].
    fn maybe_integer(&mut self) -> Result<Option<i64>, Self::Error>;

    /// The next column: a number.
    ///
    /// # Errors
    /// As [`Self::maybe_text`].
    fn maybe_real(&mut self) -> Result<Option<f64>, Self::Error>;

    /// The column that was read last does not hold what it should.
    fn malformed(&self, why: String) -> Self::Error;

    /// Of a column that is never NULL.
    ///
    /// # Errors
    /// Where it is.
    fn known<T>(&self, value: Option<T>) -> Result<T, Self::Error> {
        value.ok_or_else(|| self.malformed("it is NULL".to_owned()))
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where it is NULL.
    fn text(&mut self) -> Result<String, Self::Error> {
        let text = self.maybe_text()?;
        self.known(text)
    }

    /// A number of something.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where it is negative.
    fn maybe_count(&mut self) -> Result<Option<u64>, Self::Error> {
        let integer = self.maybe_integer()?;
        integer.map(|integer| u64::try_from(integer).map_err(|e| self.malformed(e.to_string()))).transpose()
    }

    /// A number of something.
    ///
    /// # Errors
    /// As [`Self::maybe_count`]; where it is NULL.
    fn count(&mut self) -> Result<u64, Self::Error> {
        let count = self.maybe_count()?;
        self.known(count)
    }

    /// 0 is no, everything else yes.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where it is NULL.
    fn flag(&mut self) -> Result<bool, Self::Error> {
        let integer = self.maybe_integer()?;
        Ok(self.known(integer)? != 0)
    }

    /// A number.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where it is NULL.
    fn real(&mut self) -> Result<f64, Self::Error> {
        let real = self.maybe_real()?;
        self.known(real)
    }

    /// An instant, in ms since 1970.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where no calendar has it.
    fn maybe_instant(&mut self) -> Result<Option<Timestamp>, Self::Error> {
        let ms = self.maybe_integer()?;
        ms.map(|ms| Timestamp::from_millisecond(ms).map_err(|e| self.malformed(e.to_string()))).transpose()
    }

    /// An instant, in ms since 1970.
    ///
    /// # Errors
    /// As [`Self::maybe_instant`]; where it is NULL.
    fn instant(&mut self) -> Result<Timestamp, Self::Error> {
        let instant = self.maybe_instant()?;
        self.known(instant)
    }

    /// A text that is the name of a value.
    ///
    /// # Errors
    /// As [`Self::maybe_text`]; where it is no such name.
    fn maybe_parsed<T: FromStr<Err: Display>>(&mut self) -> Result<Option<T>, Self::Error> {
        let text = self.maybe_text()?;
        text.map(|text| text.parse().map_err(|e: T::Err| self.malformed(e.to_string()))).transpose()
    }

    /// A text that is the name of a value.
    ///
    /// # Errors
    /// As [`Self::maybe_parsed`]; where it is NULL.
    fn parsed<T: FromStr<Err: Display>>(&mut self) -> Result<T, Self::Error> {
        let parsed = self.maybe_parsed()?;
        self.known(parsed)
    }

    /// A text with one of something a line.
    ///
    /// # Errors
    /// As [`Self::maybe_text`].
    fn maybe_lines(&mut self) -> Result<Option<Vec<String>>, Self::Error> {
        Ok(self.maybe_text()?.map(|text| text.lines().map(str::to_owned).collect()))
    }
}

/// A value that is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(Cow<'a, str>),
}

impl From<i64> for Value<'_> {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

/// A file system without bounds, and rules that keep everything, may claim more than SQLite's integers hold.
impl From<u64> for Value<'_> {
    fn from(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value<'_> {
    fn from(count: u32) -> Self {
        Self::Integer(count.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Integer(at.as_millisecond())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
