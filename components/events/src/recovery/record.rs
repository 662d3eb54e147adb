//! What the catalog records, as `backup-job` writes it. Instants are in ms since the epoch, UTC.

use pra_metrics::thresholds;

/// How long a replica's row counts as true, in ms: its writer renews it each second.
const FRESH_MS: i64 = 5_000;

/// A file of the backup volume that is a backup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Backup {
    /// Its name in the backup folder.
    pub(crate) file: String,
    /// The instant of its snapshot.
    pub(crate) created_at_ms: i64,
    /// The size of the file.
    pub(crate) bytes: i64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// Whether it has been read back.
    pub(crate) verified: bool,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
    /// Whether only an identity opens it.
    pub(crate) encrypted: bool,
    /// How many events are in it, where it was counted.
    pub(crate) events: Option<i64>,
    /// How many warnings came with it: what SQLite's checks say of the data that is no damage.
    pub(crate) warnings: i64,
}

impl Backup {
    /// Whether it was read back and found good.
    pub(crate) fn is_good(&self) -> bool {
        self.verified && self.error.is_none()
    }

    /// By how much it is ahead of the clock, where that is more than clocks may differ.
    pub(crate) fn ahead_seconds(&self, now_ms: i64) -> Option<f64> {
        pra_core::ahead::ahead(self.created_at_ms, now_ms).map(|by| by.as_secs_f64())
    }
}

/// A store that the database is followed into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Replica {
    /// The store. It never holds a secret.
    pub(crate) url: String,
    /// When all this was true.
    pub(crate) seen_ms: i64,
    /// The unbroken history that is being written; none before the store was reached.
    pub(crate) epoch: Option<String>,
    /// The last transaction that the store has.
    pub(crate) txid: i64,
    /// Everything committed before this instant is in the store.
    pub(crate) synced_ms: Option<i64>,
    /// The first instant that can be restored.
    pub(crate) window_from_ms: Option<i64>,
    /// What waits for the store.
    pub(crate) queue_files: i64,
    /// The same in bytes.
    pub(crate) queue_bytes: i64,
    /// Whether only an identity opens it.
    pub(crate) encrypted: bool,
    /// What blocks it now.
    pub(crate) error: Option<String>,
    /// What SQLite's checks say of the database that is no damage; `None` where it was not checked.
    pub(crate) warnings: Option<Vec<String>>,
}

impl Replica {
    /// Whether its writer still says so: one that has died cannot say that it has.
    fn is_fresh(&self, now_ms: i64) -> bool {
        now_ms.saturating_sub(self.seen_ms) < FRESH_MS
    }

    /// Whether its writer is alive and nothing blocks it.
    pub(crate) fn is_well(&self, now_ms: i64) -> bool {
        self.is_fresh(now_ms) && self.error.is_none()
    }

    /// What of the newest is not in the store yet, in seconds; `None` where nothing is.
    pub(crate) fn lag_seconds(&self, now_ms: i64) -> Option<f64> {
        let until_ms = if self.is_fresh(now_ms) { self.seen_ms } else { now_ms };
        Some(super::seconds_between(self.synced_ms?, until_ms))
    }
}

/// A restore into scratch space, verified and timed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rehearsal {
    /// When it began.
    pub(crate) at_ms: i64,
    /// `backup`, or a replica's URL.
    pub(crate) source: String,
    /// `good`, `failed`, or `not-rehearsed`: encrypted, and no identity was given.
    pub(crate) outcome: String,
    /// What was restored.
    pub(crate) point: Option<String>,
    /// The instant of that.
    pub(crate) point_at_ms: Option<i64>,
    /// What a recovery would take.
    pub(crate) seconds: f64,
    /// What was restored, in bytes.
    pub(crate) bytes: Option<i64>,
    /// How many events were in it.
    pub(crate) events: Option<i64>,
    /// What went wrong.
    pub(crate) error: Option<String>,
}

impl Rehearsal {
    /// The source name of the backup folder.
    pub(crate) const BACKUP: &str = "backup";
    /// The outcome of one that restored everything and found it good.
    pub(crate) const GOOD: &str = "good";
    /// The outcome of one that could not, or found something wrong.
    pub(crate) const FAILED: &str = "failed";
}

/// A disaster made on purpose.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drill {
    /// When it began.
    pub(crate) at_ms: i64,
    /// `pod-crash`, `volume-loss`, `bad-write`, `cluster-loss`.
    pub(crate) kind: String,
    /// Whether what is promised was kept.
    pub(crate) kept: bool,
    /// How long no request was served, in seconds.
    pub(crate) rto_seconds: Option<f64>,
    /// What was lost, in seconds.
    pub(crate) rpo_seconds: Option<f64>,
    /// Events that were acknowledged.
    pub(crate) acknowledged: i64,
    /// Of these, those that were gone afterwards.
    pub(crate) lost: i64,
    /// Requests that were refused.
    pub(crate) refused: i64,
}

/// A restore.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Restore {
    /// When it began.
    pub(crate) began_ms: i64,
    /// When it ended; none while it runs, or where it was killed.
    pub(crate) ended_ms: Option<i64>,
    /// What is restored.
    pub(crate) point: String,
    /// How: `in-place` or `replace`.
    pub(crate) mode: Option<String>,
    /// How long it took, in seconds.
    pub(crate) seconds: Option<f64>,
    /// What went wrong.
    pub(crate) error: Option<String>,
}

impl Restore {
    /// Whether it runs, or was killed: the record looks the same in both cases.
    pub(crate) fn is_running(&self) -> bool {
        self.ended_ms.is_none()
    }
}

/// How full a volume was, and what lies there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Volume {
    /// `data` or `backup`.
    pub(crate) volume: String,
    /// The database, or the backup folder, as commands name it where `backup-job` runs.
    pub(crate) path: String,
    /// When it was looked at.
    pub(crate) at_ms: i64,
    /// Its size.
    pub(crate) total_bytes: i64,
    /// What may still be written.
    pub(crate) free_bytes: i64,
}

impl Volume {
    /// The one that the database is on.
    pub(crate) const DATA: &str = "data";
    /// The one that the backups are on.
    pub(crate) const BACKUP: &str = "backup";

    /// Whether no write can be relied on.
    pub(crate) fn is_full(&self) -> bool {
        self.free_bytes < thresholds::VOLUME_FULL.cast_signed()
    }

    /// Whether less than the tenth is free that there should be.
    pub(crate) fn is_low(&self) -> bool {
        let low = i128::from(self.total_bytes) * i128::from(thresholds::VOLUME_LOW_PERCENT);
        i128::from(self.free_bytes) * 100 < low
    }
}

/// How far a replica was behind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lag {
    /// The replica.
    pub(crate) url: String,
    /// When.
    pub(crate) at_ms: i64,
    /// By how much.
    pub(crate) seconds: f64,
}

/// What the rules of the last backup come to keep, if backups go on like the last ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// Files that are not hard links.
    pub(crate) files: i64,
    /// All of them.
    pub(crate) bytes: i64,
    /// What of these is there.
    pub(crate) present_bytes: i64,
    /// Flags of rules for which the volume has room, where these do not fit and such rules were found.
    pub(crate) rules: Option<String>,
}

impl Forecast {
    /// What is still to come.
    pub(crate) fn to_come_bytes(&self) -> i64 {
        self.bytes.saturating_sub(self.present_bytes).max(0)
    }

    /// The size that its volume would need, with a tenth to spare, where it is too small.
    pub(crate) fn wanted_bytes(&self, volume: &Volume) -> Option<i64> {
        let missing = self.to_come_bytes().saturating_sub(volume.free_bytes);
        let wanted = volume.total_bytes.saturating_add(missing);
        (missing > 0).then(|| wanted.saturating_add(wanted / 10))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::recovery) fn replica(seen_ms: i64, synced_ms: Option<i64>) -> Replica {
        Replica {
            url: "file:///replica".to_owned(),
            seen_ms,
            epoch: Some("e".to_owned()),
            txid: 7,
            synced_ms,
            window_from_ms: Some(0),
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
        assert_eq!(replica.lag_seconds(100_900), Some(0.4), "an idle second is no lag");
        assert_eq!(replica.lag_seconds(104_999), Some(0.4));
        assert_eq!(replica.lag_seconds(105_000), Some(5.4));
        assert_eq!(replica.lag_seconds(90_000), Some(0.4), "a clock that was set back makes no negative lag");
        assert_eq!(super::tests::replica(100_000, None).lag_seconds(100_000), None);
    }

    #[test]
    fn a_replica_is_well_while_its_writer_says_so() {
        let mut replica = replica(100_000, Some(99_600));
        assert!(replica.is_well(104_999));
        assert!(!replica.is_well(105_000));
        replica.error = Some("connection refused".to_owned());
        assert!(!replica.is_well(100_000));
    }
}
