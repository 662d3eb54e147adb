//! How full the volumes are, how full they will be, and how far the replicas were behind.

use jiff::Timestamp;

use super::{FromRow, ToRow};
use crate::columns::{Columns, Value};
use crate::thresholds;

/// A volume that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The database's.
    Data,
    /// That of the backup folder.
    Backup,
}

impl Place {
    /// Its word in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Backup => "backup",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Data, Self::Backup].into_iter().find(|one| one.as_str() == word)
    }
}

/// How full a volume was, and what lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Which one.
    pub place: Place,
    /// The database, or the backup folder: what commands are given where `backup-job` runs.
    pub path: String,
    /// When.
    pub at: Timestamp,
    /// Its size in bytes.
    pub total: u64,
    /// What may still be written, in bytes.
    pub free: u64,
}

impl Volume {
    /// Whether no write can be relied on.
    pub fn is_full(&self) -> bool {
        self.free < thresholds::VOLUME_FULL
    }

    /// Whether less than the tenth is free that there should be.
    pub fn is_low(&self) -> bool {
        u128::from(self.free) * 100 < u128::from(self.total) * u128::from(thresholds::VOLUME_LOW_PERCENT)
    }
}

impl FromRow for Volume {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        let word = row.text()?;
        let place = Place::from_word(&word).ok_or_else(|| row.malformed(format!("'{word}' is no volume")))?;
        Ok(Self { place, path: row.text()?, at: row.instant()?, total: row.count()?, free: row.count()? })
    }
}

impl ToRow for Volume {
    const INSERT: &'static str = "INSERT INTO volumes VALUES (?1, ?2, ?3, ?4, ?5)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { place, path, at, total, free } = self;
        vec![place.as_str().into(), path.as_str().into(), (*at).into(), (*total).into(), (*free).into()]
    }
}

/// What the rules of the last backup come to keep, if backups go on like the last ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// When that was reckoned.
    pub at: Timestamp,
    /// Files that are no hard links.
    pub files: u64,
    /// All of them.
    pub bytes: u64,
    /// What of these is there.
    pub present: u64,
    /// Flags that keep no more than the volume has room for, where the rules do not fit and such flags were found.
    pub rules: Option<String>,
}

impl Forecast {
    /// What is still to come.
    pub fn to_come(&self) -> u64 {
        self.bytes.saturating_sub(self.present)
    }

    /// The size that its volume would need, with a tenth to spare, where it is too small.
    pub fn wanted(&self, volume: &Volume) -> Option<u64> {
        let missing = self.to_come().saturating_sub(volume.free);
        let wanted = volume.total.saturating_add(missing);
        (missing > 0).then(|| wanted.saturating_add(wanted / 10))
    }
}

impl FromRow for Forecast {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            at: row.instant()?,
            files: row.count()?,
            bytes: row.count()?,
            present: row.count()?,
            rules: row.maybe_text()?,
        })
    }
}

impl ToRow for Forecast {
    const INSERT: &'static str = "INSERT INTO forecast VALUES (1, ?1, ?2, ?3, ?4, ?5)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { at, files, bytes, present, rules } = self;
        vec![(*at).into(), (*files).into(), (*bytes).into(), (*present).into(), rules.as_deref().into()]
    }
}

/// How far a replica was behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// The replica.
    pub url: String,
    /// When.
    pub at: Timestamp,
    /// By how much.
    pub seconds: f64,
}

impl FromRow for Lag {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self { url: row.text()?, at: row.instant()?, seconds: row.real()? })
    }
}

impl ToRow for Lag {
    const INSERT: &'static str = "INSERT OR REPLACE INTO lags VALUES (?1, ?2, ?3)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { url, at, seconds } = self;
        vec![url.as_str().into(), (*at).into(), (*seconds).into()]
    }
}
