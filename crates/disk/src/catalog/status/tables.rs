//! Their tables.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::rows::{instant, lines, malformed};
use super::{Drill, Forecast, Lag, Outcome, Place, Rehearsal, Replica, Restore, Status, Volume};

/// Reads them.
pub(in super::super) fn select(connection: &Connection) -> rusqlite::Result<Status> {
    let replicas = all(
        connection,
        "SELECT url, seen_ms, epoch, txid, synced_ms, window_from_ms, queue_files, queue_bytes, encrypted, error,
            warnings FROM replicas ORDER BY url",
        replica,
    )?;
    let rehearsals = all(
        connection,
        "SELECT at_ms, source, outcome, point, point_at_ms, seconds, bytes, events, error
         FROM rehearsals ORDER BY at_ms DESC, source",
        rehearsal,
    )?;
    let drills = all(
        connection,
        "SELECT at_ms, kind, kept, rto_seconds, rpo_seconds, acknowledged, lost, refused FROM drills ORDER BY at_ms DESC",
        drill,
    )?;
    let restores = all(
        connection,
        "SELECT began_ms, ended_ms, point, mode, seconds, error FROM restores ORDER BY began_ms DESC",
        restore,
    )?;
    let volumes =
        all(connection, "SELECT volume, path, at_ms, total_bytes, free_bytes FROM volumes ORDER BY volume", volume)?;
    let lags = all(connection, "SELECT url, at_ms, seconds FROM lags ORDER BY at_ms, url", lag)?;
    let forecast = "SELECT at_ms, files, bytes, present_bytes, rules FROM forecast";
    let forecast = connection.query_row(forecast, [], self::forecast).optional()?;
    Ok(Status { replicas, rehearsals, drills, restores, volumes, lags, forecast })
}

/// Writes them into the empty tables.
pub(in super::super) fn insert(connection: &Connection, status: &Status) -> rusqlite::Result<()> {
    let Status { replicas, rehearsals, drills, restores, volumes, lags, forecast } = status;
    for replica in replicas {
        let Replica {
            url,
            seen,
            epoch,
            txid,
            synced,
            window_from,
            queue_files,
            queue_bytes,
            encrypted,
            error,
            warnings,
        } = replica;
        connection.execute(
            "INSERT INTO replicas VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                url,
                ms(*seen),
                epoch,
                txid,
                synced.map(ms),
                window_from.map(ms),
                queue_files,
                queue_bytes,
                encrypted,
                error,
                warnings.as_ref().map(|warnings| warnings.join("\n")),
            ],
        )?;
    }
    for rehearsal in rehearsals {
        let Rehearsal { at, source, outcome, point, point_at, seconds, bytes, events, error } = rehearsal;
        connection.execute(
            "INSERT INTO rehearsals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![ms(*at), source, outcome.as_str(), point, point_at.map(ms), seconds, bytes, events, error],
        )?;
    }
    for drill in drills {
        let Drill { at, kind, kept, rto_seconds, rpo_seconds, acknowledged, lost, refused } = drill;
        connection.execute(
            "INSERT INTO drills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![ms(*at), kind, kept, rto_seconds, rpo_seconds, acknowledged, lost, refused],
        )?;
    }
    for Restore { began, ended, point, mode, seconds, error } in restores {
        connection.execute(
            "INSERT INTO restores VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![ms(*began), ended.map(ms), point, mode, seconds, error],
        )?;
    }
    for Volume { place, path, at, total, free } in volumes {
        let values = params![place.as_str(), path, ms(*at), integer(*total), integer(*free)];
        connection.execute("INSERT INTO volumes VALUES (?1, ?2, ?3, ?4, ?5)", values)?;
    }
    if let Some(Forecast { at, files, bytes, present, rules }) = forecast {
        let values = params![ms(*at), integer(*files), integer(*bytes), integer(*present), rules];
        connection.execute("INSERT INTO forecast VALUES (1, ?1, ?2, ?3, ?4, ?5)", values)?;
    }
    let mut insert = connection.prepare("INSERT OR REPLACE INTO lags VALUES (?1, ?2, ?3)")?;
    for Lag { url, at, seconds } in lags {
        insert.execute(params![url, ms(*at), seconds])?;
    }
    Ok(())
}

fn all<T>(
    connection: &Connection,
    select: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(select)?.query_map([], read)?.collect()
}

fn replica(row: &Row<'_>) -> rusqlite::Result<Replica> {
    Ok(Replica {
        url: row.get(0)?,
        seen: instant(row.get(1)?, 1)?,
        epoch: row.get(2)?,
        txid: row.get(3)?,
        synced: known_instant(row, 4)?,
        window_from: known_instant(row, 5)?,
        queue_files: row.get(6)?,
        queue_bytes: row.get(7)?,
        encrypted: row.get(8)?,
        error: row.get(9)?,
        warnings: row.get::<_, Option<String>>(10)?.map(|text| lines(&text)),
    })
}

fn rehearsal(row: &Row<'_>) -> rusqlite::Result<Rehearsal> {
    let word: String = row.get(2)?;
    let outcome = Outcome::from_word(&word).ok_or_else(|| rusqlite::Error::InvalidColumnType(2, word, Type::Text))?;
    Ok(Rehearsal {
        at: instant(row.get(0)?, 0)?,
        source: row.get(1)?,
        outcome,
        point: row.get(3)?,
        point_at: known_instant(row, 4)?,
        seconds: row.get(5)?,
        bytes: row.get(6)?,
        events: row.get(7)?,
        error: row.get(8)?,
    })
}

fn drill(row: &Row<'_>) -> rusqlite::Result<Drill> {
    Ok(Drill {
        at: instant(row.get(0)?, 0)?,
        kind: row.get(1)?,
        kept: row.get(2)?,
        rto_seconds: row.get(3)?,
        rpo_seconds: row.get(4)?,
        acknowledged: row.get(5)?,
        lost: row.get(6)?,
        refused: row.get(7)?,
    })
}

fn restore(row: &Row<'_>) -> rusqlite::Result<Restore> {
    Ok(Restore {
        began: instant(row.get(0)?, 0)?,
        ended: known_instant(row, 1)?,
        point: row.get(2)?,
        mode: row.get(3)?,
        seconds: row.get(4)?,
        error: row.get(5)?,
    })
}

fn volume(row: &Row<'_>) -> rusqlite::Result<Volume> {
    let word: String = row.get(0)?;
    let place = Place::from_word(&word).ok_or_else(|| rusqlite::Error::InvalidColumnType(0, word, Type::Text))?;
    Ok(Volume { place, path: row.get(1)?, at: instant(row.get(2)?, 2)?, total: row.get(3)?, free: row.get(4)? })
}

fn forecast(row: &Row<'_>) -> rusqlite::Result<Forecast> {
    Ok(Forecast {
        at: instant(row.get(0)?, 0)?,
        files: row.get(1)?,
        bytes: row.get(2)?,
        present: row.get(3)?,
        rules: row.get(4)?,
    })
}

fn lag(row: &Row<'_>) -> rusqlite::Result<Lag> {
    Ok(Lag { url: row.get(0)?, at: instant(row.get(1)?, 1)?, seconds: row.get(2)? })
}

fn known_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let ms: Option<i64> = row.get(column)?;
    ms.map(|ms| Timestamp::from_millisecond(ms).map_err(|e| malformed(column, e))).transpose()
}

/// A file system without bounds, and rules that keep everything, may claim more than SQLite's integers hold.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
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

    fn from_word(word: &str) -> Option<Self> {
        [Self::Good, Self::Failed, Self::NotRehearsed].into_iter().find(|one| one.as_str() == word)
    }
}
