//! File names in the backup folder.
//!
//! | name | means |
//! |---|---|
//! | `backup-2025-01-10-12-00.db` | the backup of that minute, UTC |
//! | `backup-2025-01-10-12-00-37.db` | the minute's name was taken: the second is appended |
//! | `backup-2025-01-10-12-00-37-2.db` | that was taken too: counted from 2 |
//! | `pre-restore-2025-01-10-12-00.db` | the state that a restore replaced; same suffixes |
//! | `….db.age` | the same, encrypted: an [age](https://age-encryption.org) file |
//! | `.pra-tmp-…` | being written; left over where its writer died |
//!
//! A name tells a person roughly when; the exact instant of the snapshot is in the catalog.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// What every temporary file of ours starts with, sidecars (`-journal`, `-wal`) included, so that what
/// a killed process left behind can be found and removed.
pub const TEMPORARY_PREFIX: &str = ".pra-tmp-";

/// The last counter that [`name`] tries before it gives up.
const LAST_COUNTER: u32 = 9_999;

/// Why a restore point exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Made by `backup`.
    Backup,
    /// The last state before a restore replaced it.
    PreRestore,
    /// Fetched from an object store; never a file in the backup folder.
    Replica,
}

impl Kind {
    /// The word in the catalog, in JSON, and at the start of the file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::PreRestore => "pre-restore",
            Self::Replica => "replica",
        }
    }

    /// Where such a restore point comes from, as the outputs name it.
    pub fn source(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::PreRestore => "safety-copy",
            Self::Replica => "replica",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is neither `backup` nor `pre-restore`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of restore point '{0}'")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "backup" => Ok(Self::Backup),
            "pre-restore" => Ok(Self::PreRestore),
            other => Err(UnknownKind(other.to_owned())),
        }
    }
}

/// What the names of all restore points end in; of the encrypted ones, after it, [`ENCRYPTED`].
pub const EXTENSION: &str = ".db";

/// What the name of an encrypted restore point ends in.
pub const ENCRYPTED: &str = ".age";

/// The name for a restore point made at `at`, encrypted or not: the first of the forms above that is not `taken`,
/// neither as it is nor in its other form, so that no two restore points differ in their encryption alone.
///
/// `None` where all of them are taken, 10,000 in one second: the caller must not fall back to a name
/// that exists, since publishing is a rename, which would replace that file.
pub fn name(kind: Kind, at: Timestamp, encrypted: bool, taken: impl Fn(&str) -> bool) -> Option<String> {
    let at = Offset::UTC.to_datetime(at);
    let minute =
        format!("{kind}-{:04}-{:02}-{:02}-{:02}-{:02}", at.year().max(0), at.month(), at.day(), at.hour(), at.minute());
    let second = format!("{minute}-{:02}", at.second());
    let counted = (2..=LAST_COUNTER).map(|counter| format!("{second}-{counter}"));
    let forms = |stem: String| [format!("{stem}{EXTENSION}"), format!("{stem}{EXTENSION}{ENCRYPTED}")];
    let mut names = [minute, second.clone()].into_iter().chain(counted).map(forms);
    let [plain, other] = names.find(|[plain, other]| !taken(plain) && !taken(other))?;
    Some(if encrypted { other } else { plain })
}

/// Whether the file of that name is encrypted.
pub fn is_encrypted(name: &str) -> bool {
    name.ends_with(ENCRYPTED)
}

/// What a name says, or `None` where it is not exactly one that [`name`] makes: wrong widths, a day
/// that does not exist, a path, anything before or after. The instant has the name's precision.
pub fn parse(name: &str) -> Option<(Kind, Timestamp)> {
    let stem = name.strip_suffix(ENCRYPTED).unwrap_or(name).strip_suffix(EXTENSION)?;
    let (kind, rest) = match stem.strip_prefix("backup-") {
        Some(rest) => (Kind::Backup, rest),
        None => (Kind::PreRestore, stem.strip_prefix("pre-restore-")?),
    };
    let mut fields = rest.split('-');
    let year = i16::try_from(digits(fields.next()?, 4)?).ok()?;
    let mut pair = || i8::try_from(digits(fields.next()?, 2)?).ok();
    let (month, day, hour, minute) = (pair()?, pair()?, pair()?, pair()?);
    let second = match fields.next() {
        None => 0,
        Some(text) => i8::try_from(digits(text, 2)?).ok()?,
    };
    if let Some(text) = fields.next() {
        let counter = digits(text, text.len())?;
        if text.starts_with('0') || !(2..=LAST_COUNTER).contains(&counter) {
            return None;
        }
    }
    if fields.next().is_some() {
        return None;
    }
    let at = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some((kind, Offset::UTC.to_timestamp(at).ok()?))
}

/// Whether a file name is one of our temporaries.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX) && !name.contains('/')
}

/// A number of exactly `width` ASCII digits.
fn digits(text: &str, width: usize) -> Option<u32> {
    let exact = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    if exact { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
