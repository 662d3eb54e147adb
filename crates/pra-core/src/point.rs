//! Which restore point a request means.
//!
//! | text | means |
//! |---|---|
//! | `latest` | the newest verified backup |
//! | `backup-2025-01-10-12-00.db`, `….db.age` | that very file, of whatever kind and state |
//! | `2025-01-10T12:00:00Z`, `…+01:00` | the newest verified backup at or before that instant |
//! | `15m`, `2h`, `1d`, `1h30m` | the same, for that long ago |
//! | `20250110T120000Z-1a2b3c4d/000000000000002a` | that transaction of that epoch of a replica |
//!
//! Only a file that is named may be a pre-restore copy or an unverified one: nothing falls back to
//! such a one by itself.

mod select;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::EpochId;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;

pub use select::{SelectError, select};

use super::age::{self, AgeError};
use super::naming;

/// A restore point, as asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// The newest verified backup.
    Latest,
    /// The file of that name, without a path.
    File(String),
    /// The newest verified backup at or before an instant.
    Instant(Timestamp),
    /// The newest verified backup that is at least that old.
    Age(Duration),
    /// That transaction of that epoch of a replica.
    Transaction(EpochId, u64),
}

/// Why a text names no restore point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// A path where a name is wanted.
    #[error("'{0}' is a path: {hint}", hint = self.hint())]
    Path(String),
    /// A time that could be any of several instants.
    #[error("'{0}' has no time zone: {hint}", hint = self.hint())]
    NoZone(String),
    /// An offset that no place on earth has.
    #[error("'{0}' has no time zone that there is: {hint}", hint = self.hint())]
    NoSuchZone(String),
    /// An instant that no file can have.
    #[error("'{0}' is out of range: {hint}", hint = self.hint())]
    OutOfRange(String),
    /// A day is no instant.
    #[error("'{0}' is a day: {hint}", hint = self.hint())]
    DateAlone(String),
    /// Something like a length of time, but none.
    #[error("{0}: {hint}", hint = .0.hint())]
    Age(AgeError),
    /// A file's name without its end.
    #[error("'{0}' is not a restore point: {hint}", hint = self.hint())]
    MissingExtension(String),
    /// Anything else.
    #[error("'{0}' is not a restore point: {hint}", hint = self.hint())]
    Unknown(String),
}

impl PointError {
    /// What to type instead. It is part of the message too, since clap prints only that.
    pub fn hint(&self) -> String {
        match self {
            Self::Path(_) => "give the file's name alone; --backups names the folder".to_owned(),
            Self::NoZone(text) => format!("add one, such as {text}Z for UTC or {text}+01:00"),
            Self::NoSuchZone(_) => "offsets are from -12:00 to +14:00".to_owned(),
            Self::OutOfRange(_) => "the last instant is of 9999-12-30".to_owned(),
            Self::DateAlone(text) => format!("add a time and a zone, such as {text}T12:00:00Z"),
            Self::Age(error) => error.hint(),
            Self::MissingExtension(text) => format!("did you mean {text}.db?"),
            Self::Unknown(_) => {
                "give latest, a file's name, an instant such as 2025-01-10T12:00:00Z, or an age such as 15m".to_owned()
            }
        }
    }
}

impl FromStr for Point {
    type Err = PointError;

    fn from_str(text: &str) -> Result<Self, PointError> {
        let refused = |kind: fn(String) -> PointError| Err(kind(text.to_owned()));
        if text == "latest" {
            return Ok(Self::Latest);
        }
        if let Some((epoch, txid)) = text.split_once('/')
            && let (Ok(epoch), 16, Ok(txid)) = (epoch.parse(), txid.len(), u64::from_str_radix(txid, 16))
        {
            return Ok(Self::Transaction(epoch, txid));
        }
        if text.contains(['/', '\\', '\0']) {
            return refused(PointError::Path);
        }
        let plain = text.strip_suffix(naming::ENCRYPTED).unwrap_or(text);
        if plain.ends_with(naming::EXTENSION) && !text.starts_with('.') {
            return Ok(Self::File(text.to_owned()));
        }
        let not_an_age = match age::parse(text) {
            Ok(age) => return Ok(Self::Age(age)),
            Err(error) => error,
        };
        if let Ok(instant) = text.parse::<Timestamp>() {
            return if has_real_offset(text) { Ok(Self::Instant(instant)) } else { refused(PointError::NoSuchZone) };
        }
        if text.strip_suffix(['Z', 'z']).is_some_and(|civil| civil.parse::<DateTime>().is_ok()) {
            return refused(PointError::OutOfRange);
        }
        if text.parse::<Date>().is_ok() && !text.contains(':') {
            return refused(PointError::DateAlone);
        }
        if text.parse::<DateTime>().is_ok() {
            return refused(PointError::NoZone);
        }
        if naming::parse(&format!("{text}.db")).is_some() {
            return refused(PointError::MissingExtension);
        }
        match not_an_age {
            AgeError::NotALength(_) => refused(PointError::Unknown),
            error => Err(PointError::Age(error)),
        }
    }
}

/// Whether the instant's offset is one that a place on earth has: a slip of a digit would else be another day.
fn has_real_offset(text: &str) -> bool {
    const LEAST: i32 = -12 * 3_600;
    const GREATEST: i32 = 14 * 3_600;
    let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
    offset.is_none_or(|offset| (LEAST..=GREATEST).contains(&offset.seconds()))
}

impl fmt::Display for Point {
    /// As it would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::File(name) => f.write_str(name),
            Self::Instant(instant) => write!(f, "{instant}"),
            Self::Age(age) => f.write_str(&age::display(*age)),
            Self::Transaction(epoch, txid) => write!(f, "{epoch}/{txid:016x}"),
        }
    }
}

#[cfg(test)]
mod tests;
