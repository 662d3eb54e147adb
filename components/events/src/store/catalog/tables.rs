//! The tables of the catalog, as version 5 has them. Texts are read as BLOB: see [`crate::platform::Value`].

use pra_core::ahead::latest_plausible;

use super::Catalog;
use super::columns::Columns;
use crate::platform::{Param, Platform};
use crate::recovery::{Backup, Drill, Forecast, Lag, Rehearsal, Replica, Restore, Volume};

/// The most stores that are read: more than any configuration has.
const SOURCES_MAX: i64 = 100;

/// Which backups are good: read back, and not ahead of the clock, whose bound is ?2.
macro_rules! good_sql {
    () => {
        " AND error IS NULL AND verified_at_ms IS NOT NULL AND created_at_ms <= ?2"
    };
}

/// At most ?1 backups, newest first: in the order in which they were made, which no clock can change.
macro_rules! backups_sql {
    ($kind:literal, $which:expr) => {
        concat!(
            "SELECT CAST(file AS BLOB), created_at_ms, bytes, seconds, verified_at_ms IS NOT NULL,
                CAST(error AS BLOB), encrypted, events,
                coalesce(length(warnings) - length(replace(warnings, char(10), '')) + 1, 0) FROM restore_points WHERE kind = ",
            $kind,
            $which,
            " ORDER BY sequence DESC, created_at_ms DESC LIMIT ?1"
        )
    };
}

impl<P: Platform> Catalog<P> {
    /// The newest backup that has been read back and found good, and is not ahead of the clock; at the same cost for
    /// any number.
    pub(crate) fn last_backup(&self, now_ms: i64) -> Result<Option<Backup>, String> {
        const GOOD: &str = backups_sql!("'backup'", good_sql!());
        let latest = Param::Integer(latest_plausible(now_ms));
        Ok(self.read_backups(GOOD, &[Param::Integer(1), latest])?.pop())
    }

    /// The warnings that came with [`Self::last_backup`].
    pub(crate) fn last_warnings(&self, now_ms: i64) -> Result<Vec<String>, String> {
        const WARNINGS: &str = concat!(
            "SELECT CAST(warnings AS BLOB) FROM restore_points WHERE kind = 'backup'",
            good_sql!(),
            " ORDER BY sequence DESC, created_at_ms DESC LIMIT ?1"
        );
        let rows = self.rows(WARNINGS, &[Param::Integer(1), Param::Integer(latest_plausible(now_ms))])?;
        let text = Columns::read(rows, "restore_points", Columns::maybe_text)?.pop().flatten();
        Ok(text.map(|text| lines(&text)).unwrap_or_default())
    }

    /// The newest backup that is ahead of the clock, good or bad.
    pub(crate) fn backup_ahead(&self, now_ms: i64) -> Result<Option<Backup>, String> {
        const AHEAD: &str = backups_sql!("'backup'", " AND created_at_ms > ?2");
        let latest = Param::Integer(latest_plausible(now_ms));
        Ok(self.read_backups(AHEAD, &[Param::Integer(1), latest])?.pop())
    }

    /// At most `limit` backups, good or bad, newest first.
    pub(crate) fn backups(&self, limit: i64) -> Result<Vec<Backup>, String> {
        const ALL: &str = backups_sql!("'backup'", "");
        self.read_backups(ALL, &[Param::Integer(limit)])
    }

    /// At most `limit` states as they were before a restore, newest first.
    pub(crate) fn safety_copies(&self, limit: i64) -> Result<Vec<Backup>, String> {
        const ALL: &str = backups_sql!("'pre-restore'", "");
        self.read_backups(ALL, &[Param::Integer(limit)])
    }

    fn read_backups(&self, statement: &'static str, parameters: &[Param<'_>]) -> Result<Vec<Backup>, String> {
        let rows = self.rows(statement, parameters)?;
        Columns::read(rows, "restore_points", |row| {
            Some(Backup {
                file: row.text()?,
                created_at_ms: row.integer()?,
                bytes: row.integer()?,
                seconds: row.real()?,
                verified: row.flag()?,
                error: row.maybe_text()?,
                encrypted: row.flag()?,
                events: row.maybe_integer()?,
                warnings: row.integer()?,
            })
        })
    }

    /// How many restore points there are: whether they are backups, whether they are good, their number.
    pub(crate) fn restore_points(&self) -> Result<Vec<(bool, bool, i64)>, String> {
        let rows = self.rows(
            "SELECT kind = 'backup', verified_at_ms IS NOT NULL AND error IS NULL, count(*) FROM restore_points
             GROUP BY 1, 2",
            &[],
        )?;
        Columns::read(rows, "restore_points", |row| Some((row.flag()?, row.flag()?, row.integer()?)))
    }

    /// When the catalog was written, in ms since the epoch.
    pub(crate) fn published_ms(&self) -> Result<Option<i64>, String> {
        let rows = self.rows("SELECT published_at_ms FROM publication WHERE id = 1", &[])?;
        Ok(Columns::read(rows, "publication", Columns::integer)?.into_iter().next())
    }

    /// The stores that the database is replicated to.
    pub(crate) fn replicas(&self) -> Result<Vec<Replica>, String> {
        let rows = self.rows(
            "SELECT CAST(url AS BLOB), seen_ms, CAST(epoch AS BLOB), txid, synced_ms, window_from_ms, queue_files,
                queue_bytes, encrypted, CAST(error AS BLOB), CAST(warnings AS BLOB) FROM replicas ORDER BY url LIMIT ?1",
            &[Param::Integer(SOURCES_MAX)],
        )?;
        Columns::read(rows, "replicas", |row| {
            Some(Replica {
                url: row.text()?,
                seen_ms: row.integer()?,
                epoch: row.maybe_text()?,
                txid: row.integer()?,
                synced_ms: row.maybe_integer()?,
                window_from_ms: row.maybe_integer()?,
                queue_files: row.integer()?,
                queue_bytes: row.integer()?,
                encrypted: row.flag()?,
                error: row.maybe_text()?,
                warnings: row.maybe_text()?.map(|text| lines(&text)),
            })
        })
    }

    /// The newest rehearsal of each source. (With `max` the other columns are those of its row.)
    pub(crate) fn last_rehearsals(&self) -> Result<Vec<Rehearsal>, String> {
        self.read_rehearsals(
            "SELECT max(at_ms), CAST(source AS BLOB), CAST(outcome AS BLOB), CAST(point AS BLOB), point_at_ms, seconds,
                bytes, events, CAST(error AS BLOB) FROM rehearsals GROUP BY source ORDER BY source LIMIT ?1",
            SOURCES_MAX,
        )
    }

    /// The newest good rehearsal of each source.
    pub(crate) fn last_good_rehearsals(&self) -> Result<Vec<Rehearsal>, String> {
        self.read_rehearsals(
            "SELECT max(at_ms), CAST(source AS BLOB), CAST(outcome AS BLOB), CAST(point AS BLOB), point_at_ms, seconds,
                bytes, events, CAST(error AS BLOB) FROM rehearsals WHERE outcome = 'good'
             GROUP BY source ORDER BY source LIMIT ?1",
            SOURCES_MAX,
        )
    }

    /// At most `limit` rehearsals of all sources, newest first.
    pub(crate) fn rehearsals(&self, limit: i64) -> Result<Vec<Rehearsal>, String> {
        self.read_rehearsals(
            "SELECT at_ms, CAST(source AS BLOB), CAST(outcome AS BLOB), CAST(point AS BLOB), point_at_ms, seconds,
                bytes, events, CAST(error AS BLOB) FROM rehearsals ORDER BY at_ms DESC, source LIMIT ?1",
            limit,
        )
    }

    fn read_rehearsals(&self, statement: &'static str, limit: i64) -> Result<Vec<Rehearsal>, String> {
        Columns::read(self.rows(statement, &[Param::Integer(limit)])?, "rehearsals", |row| {
            Some(Rehearsal {
                at_ms: row.integer()?,
                source: row.text()?,
                outcome: row.text()?,
                point: row.maybe_text()?,
                point_at_ms: row.maybe_integer()?,
                seconds: row.real()?,
                bytes: row.maybe_integer()?,
                events: row.maybe_integer()?,
                error: row.maybe_text()?,
            })
        })
    }

    /// At most `limit` drills, newest first.
    pub(crate) fn drills(&self, limit: i64) -> Result<Vec<Drill>, String> {
        let rows = self.rows(
            "SELECT at_ms, CAST(kind AS BLOB), kept, rto_seconds, rpo_seconds, acknowledged, lost, refused
             FROM drills ORDER BY at_ms DESC LIMIT ?1",
            &[Param::Integer(limit)],
        )?;
        Columns::read(rows, "drills", |row| {
            Some(Drill {
                at_ms: row.integer()?,
                kind: row.text()?,
                kept: row.flag()?,
                rto_seconds: row.maybe_real()?,
                rpo_seconds: row.maybe_real()?,
                acknowledged: row.integer()?,
                lost: row.integer()?,
                refused: row.integer()?,
            })
        })
    }

    /// The last restore.
    pub(crate) fn restore(&self) -> Result<Option<Restore>, String> {
        Ok(self.restores(1)?.pop())
    }

    /// At most `limit` restores, newest first.
    pub(crate) fn restores(&self, limit: i64) -> Result<Vec<Restore>, String> {
        let rows = self.rows(
            "SELECT began_ms, ended_ms, CAST(point AS BLOB), CAST(mode AS BLOB), seconds, CAST(error AS BLOB)
             FROM restores ORDER BY began_ms DESC LIMIT ?1",
            &[Param::Integer(limit)],
        )?;
        Columns::read(rows, "restores", |row| {
            Some(Restore {
                began_ms: row.integer()?,
                ended_ms: row.maybe_integer()?,
                point: row.text()?,
                mode: row.maybe_text()?,
                seconds: row.maybe_real()?,
                error: row.maybe_text()?,
            })
        })
    }

    /// How full the volumes are.
    pub(crate) fn volumes(&self) -> Result<Vec<Volume>, String> {
        let rows = self.rows(
            "SELECT CAST(volume AS BLOB), CAST(path AS BLOB), at_ms, total_bytes, free_bytes FROM volumes
             ORDER BY volume LIMIT ?1",
            &[Param::Integer(SOURCES_MAX)],
        )?;
        Columns::read(rows, "volumes", |row| {
            Some(Volume {
                volume: row.text()?,
                path: row.text()?,
                at_ms: row.integer()?,
                total_bytes: row.integer()?,
                free_bytes: row.integer()?,
            })
        })
    }

    /// What the rules of the last backup will keep, if that is known.
    pub(crate) fn forecast(&self) -> Result<Option<Forecast>, String> {
        let rows =
            self.rows("SELECT files, bytes, present_bytes, CAST(rules AS BLOB) FROM forecast WHERE id = 1", &[])?;
        let mut forecasts = Columns::read(rows, "forecast", |row| {
            Some(Forecast {
                files: row.integer()?,
                bytes: row.integer()?,
                present_bytes: row.integer()?,
                rules: row.maybe_text()?,
            })
        })?;
        Ok(forecasts.pop())
    }

    /// How far the replicas were behind, at most `limit` times, oldest first.
    pub(crate) fn lags(&self, limit: i64) -> Result<Vec<Lag>, String> {
        let rows = self.rows(
            "SELECT CAST(url AS BLOB), at_ms, seconds FROM lags ORDER BY at_ms DESC LIMIT ?1",
            &[Param::Integer(limit)],
        )?;
        let mut lags = Columns::read(rows, "lags", |row| {
            Some(Lag { url: row.text()?, at_ms: row.integer()?, seconds: row.real()? })
        })?;
        lags.reverse();
        Ok(lags)
    }
}

/// A text with one of something a line.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
