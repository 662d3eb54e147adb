//! The restore points' rows, and whose they are.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use pra_core::restore_point::RestorePoint;
use pra_core::{DatabaseId, ahead};

use crate::columns::{Columns, Value};
use crate::record::{FromRow, ToRow};

impl FromRow for RestorePoint {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            file: row.text()?,
            kind: row.parsed()?,
            created_at: row.instant()?,
            bytes: row.count()?,
            page_size: small(row)?,
            pages: small(row)?,
            events: row.maybe_count()?,
            content_checksum: row.parsed()?,
            ltx_checksum: row.parsed()?,
            verified_at: row.maybe_instant()?,
            error: row.maybe_text()?,
            seconds: row.real()?,
            unchanged_since: row.maybe_text()?,
            encrypted: row.flag()?,
            file_checksum: row.maybe_parsed()?,
            warnings: row.maybe_lines()?.unwrap_or_default(),
            sequence: row.count()?,
        })
    }
}

fn small<C: Columns>(row: &mut C) -> Result<u32, C::Error> {
    let count = row.count()?;
    u32::try_from(count).map_err(|e| row.malformed(e.to_string()))
}

impl ToRow for RestorePoint {
    const INSERT: &'static str = "INSERT INTO restore_points VALUES \
        (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

    fn values(&self) -> Vec<Value<'_>> {
        vec![
            self.file.as_str().into(),
            self.kind.as_str().into(),
            self.created_at.into(),
            self.bytes.into(),
            self.page_size.into(),
            self.pages.into(),
            self.events.into(),
            self.content_checksum.to_string().into(),
            self.ltx_checksum.to_string().into(),
            self.verified_at.into(),
            self.error.as_deref().into(),
            self.seconds.into(),
            self.unchanged_since.as_deref().into(),
            self.encrypted.into(),
            self.file_checksum.map(|checksum| checksum.to_string()).into(),
            (!self.warnings.is_empty()).then(|| self.warnings.join("\n")).into(),
            self.sequence.into(),
        ]
    }
}

/// A file of the backup volume, as far as it is shown and judged: a part of the [`RestorePoint`]'s row.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// Its name in the backup folder.
    pub file: String,
    /// The instant of its snapshot.
    pub created_at: Timestamp,
    /// The size of the file.
    pub bytes: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it has been read back.
    pub verified: bool,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Whether only an identity opens it.
    pub encrypted: bool,
    /// How many events are in it, where it was counted.
    pub events: Option<u64>,
    /// How many warnings came with it: what SQLite's checks say of the data that is no damage.
    pub warnings: u64,
}

impl Backup {
    /// Whether it was read back and found good.
    pub fn is_good(&self) -> bool {
        self.verified && self.error.is_none()
    }

    /// By how much it is ahead of the clock, where that is more than clocks may differ.
    pub fn ahead_seconds(&self, now: Timestamp) -> Option<f64> {
        ahead::ahead(self.created_at.as_millisecond(), now.as_millisecond()).map(|by| by.as_secs_f64())
    }
}

impl FromRow for Backup {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            file: row.text()?,
            created_at: row.instant()?,
            bytes: row.count()?,
            seconds: row.real()?,
            verified: row.flag()?,
            error: row.maybe_text()?,
            encrypted: row.flag()?,
            events: row.maybe_count()?,
            warnings: row.count()?,
        })
    }
}

/// How many restore points there are of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether they are backups, and no safety copies.
    pub are_backups: bool,
    /// Whether they were read back and found good.
    pub are_good: bool,
    /// Their number.
    pub count: u64,
}

impl FromRow for Counted {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self { are_backups: row.flag()?, are_good: row.flag()?, count: row.count()? })
    }
}

/// What came with a restore point: what SQLite's checks say that is no damage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings(pub Vec<String>);

impl FromRow for Warnings {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self(row.maybe_lines()?.unwrap_or_default()))
    }
}

/// The name of a file that may be there without a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced(pub String);

impl FromRow for Announced {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        row.text().map(Self)
    }
}

impl ToRow for Announced {
    const INSERT: &'static str = "INSERT INTO announced VALUES (?1)";

    fn values(&self) -> Vec<Value<'_>> {
        vec![self.0.as_str().into()]
    }
}

/// When the restore points were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedAt(pub Timestamp);

impl FromRow for PublishedAt {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        row.instant().map(Self)
    }
}

/// The publication itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// When the restore points were written.
    pub at: Timestamp,
    /// The program that wrote it, with its version.
    pub writer: String,
    /// What the live database's files looked like when the newest backup was made.
    pub source: Option<String>,
    /// Whose the restore points are; `None`: not known yet.
    pub owner: Option<Owner>,
}

/// The database that a backup folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its own id.
    pub id: DatabaseId,
    /// Where it lay at the last backup, without symbolic links.
    pub path: PathBuf,
    /// The machine of that backup, for people.
    pub host: String,
}

/// For people.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' of {} ({})", self.path.display(), self.host, self.id)
    }
}

impl FromRow for Publication {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        let (at, writer, source) = (row.instant()?, row.text()?, row.maybe_text()?);
        let (id, path, host) = (row.maybe_parsed()?, row.maybe_text()?, row.maybe_text()?);
        let owner = match id {
            None => None,
            Some(id) => Some(Owner { id, path: row.known(path)?.into(), host: row.known(host)? }),
        };
        Ok(Self { at, writer, source, owner })
    }
}

impl ToRow for Publication {
    const INSERT: &'static str = "INSERT INTO publication VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";

    fn values(&self) -> Vec<Value<'_>> {
        let owner = self.owner.as_ref();
        vec![
            self.at.into(),
            self.writer.as_str().into(),
            self.source.as_deref().into(),
            owner.map(|owner| owner.id.to_string()).into(),
            owner.map(|owner| owner.path.to_string_lossy().into_owned()).into(),
            owner.map(|owner| owner.host.as_str()).into(),
        ]
    }
}
