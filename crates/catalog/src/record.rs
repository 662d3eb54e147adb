//! What the catalog records beside the restore points, row by row.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::columns::{Columns, Value};
use crate::thresholds;

/// What a row is read into.
pub trait FromRow: Sized {
    /// Reads it, in the order of its [`Query`](crate::Query)'s columns.
    ///
    /// # Errors
    /// Where a column does not hold what it should.
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error>;
}

/// What is written as a row.
pub trait ToRow {
    /// The statement.
    const INSERT: &'static str;

    /// Its parameters.
    fn values(&self) -> Vec<Value<'_>>;
}

/// Seconds from `then` to `now`; 0 where the clocks disagree and it would be negative.
pub(crate) fn seconds_between(then: Timestamp, now: Timestamp) -> f64 {
    Duration::try_from(now.duration_since(then)).unwrap_or_default().as_secs_f64()
}

/// How one store that the database is followed into is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// Its URL, which holds no secret.
    pub url: String,
    /// When this was true.
    pub seen: Timestamp,
    /// The epoch that is written; `None`: it was never reached.
    pub epoch: Option<String>,
    /// The last transaction that it has.
    pub txid: u64,
    /// Everything committed before this instant is in it; `None`: nothing is.
    pub synced: Option<Timestamp>,
    /// The first instant that can be restored from it, where that is known.
    pub window_from: Option<Timestamp>,
    /// Files that wait for it.
    pub queue_files: u64,
    /// Bytes of them.
    pub queue_bytes: u64,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// What stands in the way now.
    pub error: Option<String>,
    /// What SQLite's checks say of the database that is no damage; `None`: they were not run yet.
    pub warnings: Option<Vec<String>>,
}

impl Replica {
    /// Whether its writer still says so: one that has died cannot say that it has.
    fn is_fresh(&self, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.seen)).unwrap_or_default() < thresholds::REPLICATOR_SILENT
    }

    /// Whether its writer is alive and nothing stands in its way.
    pub fn is_well(&self, now: Timestamp) -> bool {
        self.is_fresh(now) && self.error.is_none()
    }

    /// What of the newest is not in the store yet, in seconds; `None` where nothing is.
    pub fn lag_seconds(&self, now: Timestamp) -> Option<f64> {
        let until = if self.is_fresh(now) { self.seen } else { now };
        Some(seconds_between(self.synced?, until))
    }
}

impl FromRow for Replica {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            url: row.text()?,
            seen: row.instant()?,
            epoch: row.maybe_text()?,
            txid: row.count()?,
            synced: row.maybe_instant()?,
            window_from: row.maybe_instant()?,
            queue_files: row.count()?,
            queue_bytes: row.count()?,
            encrypted: row.flag()?,
            error: row.maybe_text()?,
            warnings: row.maybe_lines()?,
        })
    }
}

impl ToRow for Replica {
    const INSERT: &'static str = "INSERT INTO replicas VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { url, seen, epoch, txid, synced, window_from, queue_files, queue_bytes, encrypted, error, warnings } =
            self;
        vec![
            url.as_str().into(),
            (*seen).into(),
            epoch.as_deref().into(),
            (*txid).into(),
            (*synced).into(),
            (*window_from).into(),
            (*queue_files).into(),
            (*queue_bytes).into(),
            (*encrypted).into(),
            error.as_deref().into(),
            warnings.as_ref().map(|warnings| warnings.join("\n")).into(),
        ]
    }
}

/// How a rehearsal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Restored, verified, and equal to what the source recorded.
    Good,
    /// It could not be restored, or not as it should be.
    Failed,
    /// Encrypted, and no identity was given: checked as far as that goes.
    NotRehearsed,
}

impl Outcome {
    /// Its word, in the catalog and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Failed => "failed",
            Self::NotRehearsed => "not-rehearsed",
        }
    }

    /// A word that this version does not know says neither that it was good nor that it failed.
    fn from_word(word: &str) -> Self {
        [Self::Good, Self::Failed].into_iter().find(|one| one.as_str() == word).unwrap_or(Self::NotRehearsed)
    }
}

/// One rehearsal of one source: a restore into scratch space, verified and timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// When it began.
    pub at: Timestamp,
    /// [`Self::BACKUP`], or a replica's URL.
    pub source: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was restored.
    pub point: Option<String>,
    /// The instant of that.
    pub point_at: Option<Timestamp>,
    /// How long it took: fetching, restoring and verifying.
    pub seconds: f64,
    /// Size of the restored database.
    pub bytes: Option<u64>,
    /// Rows of its table `events`.
    pub events: Option<u64>,
    /// Why it failed, or was not rehearsed.
    pub error: Option<String>,
}

impl Rehearsal {
    /// The source that stands for the backup folder.
    pub const BACKUP: &str = "backup";
}

impl FromRow for Rehearsal {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            at: row.instant()?,
            source: row.text()?,
            outcome: Outcome::from_word(&row.text()?),
            point: row.maybe_text()?,
            point_at: row.maybe_instant()?,
            seconds: row.real()?,
            bytes: row.maybe_count()?,
            events: row.maybe_count()?,
            error: row.maybe_text()?,
        })
    }
}

impl ToRow for Rehearsal {
    const INSERT: &'static str = "INSERT INTO rehearsals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { at, source, outcome, point, point_at, seconds, bytes, events, error } = self;
        vec![
            (*at).into(),
            source.as_str().into(),
            outcome.as_str().into(),
            point.as_deref().into(),
            (*point_at).into(),
            (*seconds).into(),
            (*bytes).into(),
            (*events).into(),
            error.as_deref().into(),
        ]
    }
}

/// One drill: a disaster made on purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// When it began.
    pub at: Timestamp,
    /// `pod-crash`, `volume-loss`, `bad-write`, `cluster-loss`.
    pub kind: String,
    /// Whether what is promised was kept.
    pub kept: bool,
    /// From the disaster to the first acknowledged write.
    pub rto_seconds: Option<f64>,
    /// From the first lost event's acknowledgement to the disaster.
    pub rpo_seconds: Option<f64>,
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that are gone.
    pub lost: u64,
    /// Requests that were refused.
    pub refused: u64,
}

impl FromRow for Drill {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            at: row.instant()?,
            kind: row.text()?,
            kept: row.flag()?,
            rto_seconds: row.maybe_real()?,
            rpo_seconds: row.maybe_real()?,
            acknowledged: row.count()?,
            lost: row.count()?,
            refused: row.count()?,
        })
    }
}

impl ToRow for Drill {
    const INSERT: &'static str = "INSERT INTO drills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { at, kind, kept, rto_seconds, rpo_seconds, acknowledged, lost, refused } = self;
        vec![
            (*at).into(),
            kind.as_str().into(),
            (*kept).into(),
            (*rto_seconds).into(),
            (*rpo_seconds).into(),
            (*acknowledged).into(),
            (*lost).into(),
            (*refused).into(),
        ]
    }
}

/// A restore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restore {
    /// When it began.
    pub began: Timestamp,
    /// `None`: it is at work, or was killed.
    pub ended: Option<Timestamp>,
    /// What was asked for, or chosen.
    pub point: String,
    /// `in-place` or `replace`.
    pub mode: Option<String>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Restore {
    /// Whether it runs, or was killed: from here the two look the same.
    pub fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}

impl FromRow for Restore {
    fn read<C: Columns>(row: &mut C) -> Result<Self, C::Error> {
        Ok(Self {
            began: row.instant()?,
            ended: row.maybe_instant()?,
            point: row.text()?,
            mode: row.maybe_text()?,
            seconds: row.maybe_real()?,
            error: row.maybe_text()?,
        })
    }
}

impl ToRow for Restore {
    const INSERT: &'static str = "INSERT INTO restores VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

    fn values(&self) -> Vec<Value<'_>> {
        let Self { began, ended, point, mode, seconds, error } = self;
        vec![
            (*began).into(),
            (*ended).into(),
            point.as_str().into(),
            mode.as_deref().into(),
            (*seconds).into(),
            error.as_deref().into(),
        ]
    }
}

mod room;

pub use room::{Forecast, Lag, Place, Volume};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    pub(crate) fn replica(seen_ms: i64, synced_ms: Option<i64>) -> Replica {
        Replica {
            url: "file:///replica".to_owned(),
            seen: at(seen_ms),
            epoch: Some("e".to_owned()),
            txid: 7,
            synced: synced_ms.map(at),
            window_from: Some(at(0)),
            queue_files: 0,
            queue_bytes: 0,
            encrypted: false,
            error: None,
            warnings: None,
        }
    }

    #[test]
    fn a_lag_is_as_of_the_row_while_its_writer_lives_and_grows_from_then_on() {
        let replica = replica(100_000, Some(99_600));
        assert_eq!(replica.lag_seconds(at(100_900)), Some(0.4), "an idle second is no lag");
        assert_eq!(replica.lag_seconds(at(104_999)), Some(0.4));
        assert_eq!(replica.lag_seconds(at(105_000)), Some(5.4));
        assert_eq!(replica.lag_seconds(at(90_000)), Some(0.4), "a clock that was set back makes no negative lag");
        assert_eq!(super::tests::replica(100_000, None).lag_seconds(at(100_000)), None);
    }

    #[test]
    fn a_replica_is_well_while_its_writer_says_so() {
        let mut replica = replica(100_000, Some(99_600));
        assert!(replica.is_well(at(104_999)));
        assert!(!replica.is_well(at(105_000)));
        replica.error = Some("connection refused".to_owned());
        assert!(!replica.is_well(at(100_000)));
    }
}
