//! The SQL that reads the catalog. Texts are read as BLOB: see [`Columns`].
//!
//! Each query takes the most rows that are wanted as `?1`: [`SOURCES_MAX`] for what there is one of a store, [`ALL`] for all.

use std::marker::PhantomData;

use pra_core::restore_point::RestorePoint;

use crate::columns::Columns;
use crate::point::{Announced, Backup, Counted, Publication, PublishedAt, Warnings};
use crate::record::{Drill, Forecast, FromRow, Lag, Rehearsal, Replica, Restore, Volume};

/// The most stores that are looked at: more than anybody configures.
pub const SOURCES_MAX: i64 = 100;

/// Without a bound.
pub const ALL: i64 = -1;

/// A statement whose rows are records.
#[derive(Debug)]
pub struct Query<T> {
    table: &'static str,
    sql: &'static str,
    record: PhantomData<fn() -> T>,
}

impl<T: FromRow> Query<T> {
    const fn new(table: &'static str, sql: &'static str) -> Self {
        Self { table, sql, record: PhantomData }
    }

    /// The table that it reads, to name it where a row is malformed.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The statement.
    #[must_use]
    pub const fn sql(&self) -> &'static str {
        self.sql
    }

    /// Reads one row.
    ///
    /// # Errors
    /// Where it is not what it should be.
    pub fn read<C: Columns>(&self, row: &mut C) -> Result<T, C::Error> {
        T::read(row)
    }
}

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

/// Rehearsals; `at` is their instant, or the newest of a source. (With `max` the other columns are those of its row.)
macro_rules! rehearsals_sql {
    ($at:literal, $which:literal) => {
        concat!(
            "SELECT ",
            $at,
            ", CAST(source AS BLOB), CAST(outcome AS BLOB), CAST(point AS BLOB), point_at_ms, seconds, bytes, events,
                CAST(error AS BLOB) FROM rehearsals ",
            $which,
            " LIMIT ?1"
        )
    };
}

/// Whether there is any restore point at all, good or bad: a row, or none.
pub const ANY_RESTORE_POINT: &str = "SELECT 1 FROM restore_points LIMIT 1";

/// The restore points as they were recorded, in no order.
pub const RESTORE_POINTS: Query<RestorePoint> = Query::new(
    "restore_points",
    "SELECT CAST(file AS BLOB), CAST(kind AS BLOB), created_at_ms, bytes, page_size, pages, events,
        CAST(content_checksum AS BLOB), CAST(ltx_checksum AS BLOB), verified_at_ms, CAST(error AS BLOB), seconds,
        CAST(unchanged_since AS BLOB), encrypted, CAST(file_checksum AS BLOB), CAST(warnings AS BLOB), sequence
     FROM restore_points LIMIT ?1",
);

/// The newest backups that have been read back and found good, and are not ahead of the clock: `created_at_ms` is at most
/// `?2`. At the same cost for any number.
pub const GOOD_BACKUPS: Query<Backup> = Query::new("restore_points", backups_sql!("'backup'", good_sql!()));

/// The warnings that came with each of [`GOOD_BACKUPS`].
pub const GOOD_BACKUPS_WARNINGS: Query<Warnings> = Query::new(
    "restore_points",
    concat!(
        "SELECT CAST(warnings AS BLOB) FROM restore_points WHERE kind = 'backup'",
        good_sql!(),
        " ORDER BY sequence DESC, created_at_ms DESC LIMIT ?1"
    ),
);

/// The newest backups that are ahead of the clock, good or bad: `created_at_ms` is more than `?2`.
pub const BACKUPS_AHEAD: Query<Backup> =
    Query::new("restore_points", backups_sql!("'backup'", " AND created_at_ms > ?2"));

/// Backups, good or bad, newest first.
pub const BACKUPS: Query<Backup> = Query::new("restore_points", backups_sql!("'backup'", ""));

/// States as they were before a restore, newest first.
pub const SAFETY_COPIES: Query<Backup> = Query::new("restore_points", backups_sql!("'pre-restore'", ""));

/// How many restore points there are of each kind.
pub const COUNTED: Query<Counted> = Query::new(
    "restore_points",
    "SELECT kind = 'backup', verified_at_ms IS NOT NULL AND error IS NULL, count(*) FROM restore_points
     GROUP BY 1, 2 LIMIT ?1",
);

/// Files of the database that may be there without a row.
pub const ANNOUNCED: Query<Announced> =
    Query::new("announced", "SELECT CAST(file AS BLOB) FROM announced ORDER BY file LIMIT ?1");

/// The publication.
pub const PUBLICATION: Query<Publication> = Query::new(
    "publication",
    "SELECT published_at_ms, CAST(writer AS BLOB), CAST(source_stamp AS BLOB), CAST(database_id AS BLOB),
        CAST(database AS BLOB), CAST(host AS BLOB) FROM publication WHERE id = 1 LIMIT ?1",
);

/// Its instant alone.
pub const PUBLISHED_AT: Query<PublishedAt> =
    Query::new("publication", "SELECT published_at_ms FROM publication WHERE id = 1 LIMIT ?1");

/// The stores that the database is followed into.
pub const REPLICAS: Query<Replica> = Query::new(
    "replicas",
    "SELECT CAST(url AS BLOB), seen_ms, CAST(epoch AS BLOB), txid, synced_ms, window_from_ms, queue_files,
        queue_bytes, encrypted, CAST(error AS BLOB), CAST(warnings AS BLOB) FROM replicas ORDER BY url LIMIT ?1",
);

/// The newest rehearsal of each source.
pub const LAST_REHEARSALS: Query<Rehearsal> =
    Query::new("rehearsals", rehearsals_sql!("max(at_ms)", "GROUP BY source ORDER BY source"));

/// The newest good rehearsal of each source.
pub const LAST_GOOD_REHEARSALS: Query<Rehearsal> =
    Query::new("rehearsals", rehearsals_sql!("max(at_ms)", "WHERE outcome = 'good' GROUP BY source ORDER BY source"));

/// Rehearsals of all sources, newest first.
pub const REHEARSALS: Query<Rehearsal> =
    Query::new("rehearsals", rehearsals_sql!("at_ms", "ORDER BY at_ms DESC, source"));

/// Drills, newest first.
pub const DRILLS: Query<Drill> = Query::new(
    "drills",
    "SELECT at_ms, CAST(kind AS BLOB), kept, rto_seconds, rpo_seconds, acknowledged, lost, refused
     FROM drills ORDER BY at_ms DESC LIMIT ?1",
);

/// Restores, newest first.
pub const RESTORES: Query<Restore> = Query::new(
    "restores",
    "SELECT began_ms, ended_ms, CAST(point AS BLOB), CAST(mode AS BLOB), seconds, CAST(error AS BLOB)
     FROM restores ORDER BY began_ms DESC LIMIT ?1",
);

/// How full the volumes are.
pub const VOLUMES: Query<Volume> = Query::new(
    "volumes",
    "SELECT CAST(volume AS BLOB), CAST(path AS BLOB), at_ms, total_bytes, free_bytes FROM volumes
     ORDER BY volume LIMIT ?1",
);

/// What the rules of the last backup come to keep, where that can be told.
pub const FORECAST: Query<Forecast> = Query::new(
    "forecast",
    "SELECT at_ms, files, bytes, present_bytes, CAST(rules AS BLOB) FROM forecast WHERE id = 1 LIMIT ?1",
);

/// How far the replicas were behind, newest first.
pub const LAGS: Query<Lag> =
    Query::new("lags", "SELECT CAST(url AS BLOB), at_ms, seconds FROM lags ORDER BY at_ms DESC, url LIMIT ?1");

#[cfg(test)]
mod tests;
