//! What is asked of the catalog.

use catalog::point::{Counted, PublishedAt, Warnings};
use catalog::queries::{self, SOURCES_MAX};
use catalog::{Backup, Drill, Forecast, Lag, Rehearsal, Replica, Restore, Volume};
use jiff::Timestamp;
use pra_core::ahead::latest_plausible;

use super::Catalog;
use crate::platform::{Param, Platform};

impl<P: Platform> Catalog<P> {
    /// The newest backup that has been read back and found good, and is not ahead of the clock; at the same cost for
    /// any number.
    pub(crate) fn last_backup(&self, now_ms: i64) -> Result<Option<Backup>, String> {
        let latest = Param::Integer(latest_plausible(now_ms));
        Ok(self.read(&queries::GOOD_BACKUPS, &[Param::Integer(1), latest])?.pop())
    }

    /// The warnings that came with [`Self::last_backup`].
    pub(crate) fn last_warnings(&self, now_ms: i64) -> Result<Vec<String>, String> {
        let latest = Param::Integer(latest_plausible(now_ms));
        let warnings = self.read(&queries::GOOD_BACKUPS_WARNINGS, &[Param::Integer(1), latest])?.pop();
        Ok(warnings.map(|Warnings(lines)| lines).unwrap_or_default())
    }

    /// The newest backup that is ahead of the clock, good or bad.
    pub(crate) fn backup_ahead(&self, now_ms: i64) -> Result<Option<Backup>, String> {
        let latest = Param::Integer(latest_plausible(now_ms));
        Ok(self.read(&queries::BACKUPS_AHEAD, &[Param::Integer(1), latest])?.pop())
    }

    /// At most `limit` backups, good or bad, newest first.
    pub(crate) fn backups(&self, limit: i64) -> Result<Vec<Backup>, String> {
        self.read(&queries::BACKUPS, &[Param::Integer(limit)])
    }

    /// At most `limit` states as they were before a restore, newest first.
    pub(crate) fn safety_copies(&self, limit: i64) -> Result<Vec<Backup>, String> {
        self.read(&queries::SAFETY_COPIES, &[Param::Integer(limit)])
    }

    /// How many restore points there are of each kind.
    pub(crate) fn restore_points(&self) -> Result<Vec<Counted>, String> {
        self.read(&queries::COUNTED, &[Param::Integer(queries::ALL)])
    }

    /// When the catalog was written.
    pub(crate) fn published_at(&self) -> Result<Option<Timestamp>, String> {
        Ok(self.read(&queries::PUBLISHED_AT, &[Param::Integer(1)])?.pop().map(|PublishedAt(at)| at))
    }

    /// The stores that the database is replicated to.
    pub(crate) fn replicas(&self) -> Result<Vec<Replica>, String> {
        self.read(&queries::REPLICAS, &[Param::Integer(SOURCES_MAX)])
    }

    /// The newest rehearsal of each source.
    pub(crate) fn last_rehearsals(&self) -> Result<Vec<Rehearsal>, String> {
        self.read(&queries::LAST_REHEARSALS, &[Param::Integer(SOURCES_MAX)])
    }

    /// The newest good rehearsal of each source.
    pub(crate) fn last_good_rehearsals(&self) -> Result<Vec<Rehearsal>, String> {
        self.read(&queries::LAST_GOOD_REHEARSALS, &[Param::Integer(SOURCES_MAX)])
    }

    /// At most `limit` rehearsals of all sources, newest first.
    pub(crate) fn rehearsals(&self, limit: i64) -> Result<Vec<Rehearsal>, String> {
        self.read(&queries::REHEARSALS, &[Param::Integer(limit)])
    }

    /// At most `limit` drills, newest first.
    pub(crate) fn drills(&self, limit: i64) -> Result<Vec<Drill>, String> {
        self.read(&queries::DRILLS, &[Param::Integer(limit)])
    }

    /// The last restore.
    pub(crate) fn restore(&self) -> Result<Option<Restore>, String> {
        Ok(self.restores(1)?.pop())
    }

    /// At most `limit` restores, newest first.
    pub(crate) fn restores(&self, limit: i64) -> Result<Vec<Restore>, String> {
        self.read(&queries::RESTORES, &[Param::Integer(limit)])
    }

    /// How full the volumes are.
    pub(crate) fn volumes(&self) -> Result<Vec<Volume>, String> {
        self.read(&queries::VOLUMES, &[Param::Integer(SOURCES_MAX)])
    }

    /// What the rules of the last backup will keep, if that is known.
    pub(crate) fn forecast(&self) -> Result<Option<Forecast>, String> {
        Ok(self.read(&queries::FORECAST, &[Param::Integer(1)])?.pop())
    }

    /// How far the replicas were behind, at most `limit` times, oldest first.
    pub(crate) fn lags(&self, limit: i64) -> Result<Vec<Lag>, String> {
        let mut lags = self.read(&queries::LAGS, &[Param::Integer(limit)])?;
        lags.reverse();
        Ok(lags)
    }
}
