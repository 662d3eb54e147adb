//! Group commit: where many write at once, one sync of the log serves them all.
//!
//! ```text
//! alone      insert, committed with a sync (FULL)         one client: one transaction, as ever
//! together   insert, committed without a sync (NORMAL)    the lock is held for some 50 µs
//!            wait a millisecond, for the others to insert
//!            whoever is first: move the mark, committed with a sync (FULL)
//!            everybody: answer once the mark has moved
//! ```
//!
//! Why that is durable: in WAL mode a FULL commit syncs the whole log before anybody can see it. So whoever sees a mark
//! other than the one that stood there *after* its own commit knows that its own frames are on the disk. (A checkpoint
//! in between does no harm: it syncs the log before, and the database after.)
//!
//! Not so where the log does not exist, in rollback-journal mode, nor where the table of the mark does not: there
//! everybody is alone.

use std::time::Duration;

use super::StoreError;
use super::append::{Appended, Outcome};
use super::data::Data;
use super::schedule::Waiting;
use crate::platform::{Param, Platform, SqlError, Value};
use crate::text;

/// How long to wait for others before syncing for all. The host's clock rounds up to whole milliseconds.
const GATHERING: Duration = Duration::from_millis(1);

/// In ms: a mark that is older says nothing about now.
const RECENT_MS: i64 = 100;

/// From this `crowd` on waiting for each other pays: three and a half events a mark, times four.
///
/// Measured on two cores: at 17 eight clients fell out of step now and then (99th percentile 7 to 34 ms, here 6 to 18),
/// and where three clients wait for each other it costs two fifths of the throughput.
const CROWD: i64 = 14;

const LAST_MARK: &str = "SELECT crowd, marked_at_ms FROM durability WHERE id = 1";

/// The mark, and whether an event is there.
const LOOK: &str = "SELECT (SELECT generation FROM durability WHERE id = 1),
    EXISTS (SELECT 1 FROM events WHERE id = ?1 AND timestamp = ?2)";

/// Moves the mark unless it has moved. An upsert, so that a row that is missing never looks like one that has moved.
const MOVE_MARK: &str = "INSERT INTO durability (id, generation, through, crowd, marked_at_ms)
    VALUES (1, 1, (SELECT coalesce(max(id), 0) FROM events), 0, ?2)
    ON CONFLICT (id) DO UPDATE SET generation = generation + 1, through = excluded.through,
        crowd = crowd * 3 / 4 + max(0, min(8, excluded.through - through)), marked_at_ms = excluded.marked_at_ms
    WHERE generation IS ?1";

/// Adds an event with `append`, together with others where there are others. It is on the disk afterwards.
///
/// # Errors
/// Those of `append`; or the sync failed or did not come in time, and then the event may be there or not.
pub(super) fn group<P: Platform>(
    platform: &P,
    data: &Data<'_, P>,
    append: impl Fn() -> Result<Outcome, StoreError>,
) -> Result<Outcome, StoreError> {
    let last_mark = match data.patiently(|| data.execute(LAST_MARK, &[])) {
        Err(SqlError::NoSuchTable(_)) => return append(),
        last_mark => last_mark?,
    };
    let [size, marked_at_ms] = [0, 1].map(|column| text::integer(last_mark.first()?.get(column)?));
    let crowd = is_crowd(size, marked_at_ms, platform.now_ms());
    if !crowd {
        data.wait(Waiting::Never);
        let alone = append();
        data.wait(Waiting::Turn);
        match alone {
            Err(StoreError::Busy) if has_log(data)? => {}
            Err(StoreError::Busy) => return append(),
            // Maybe added a moment ago, by one who is still waiting for the sync.
            Ok(Outcome::Replayed(earlier)) if has_log(data)? => {
                settle(platform, data, &earlier, crowd)?;
                return Ok(Outcome::Replayed(earlier));
            }
            done => return done,
        }
    }
    // Twice, since a restore in place may come between insert and mark, and takes the event away.
    for _ in 0..2 {
        data.wait(if crowd { Waiting::Moment } else { Waiting::Turn });
        data.patiently(|| data.execute("PRAGMA synchronous=NORMAL", &[]))?;
        let outcome = append()?;
        data.execute("PRAGMA synchronous=FULL", &[])?;
        match &outcome {
            Outcome::Added(event) | Outcome::Replayed(event) if !settle(platform, data, event, crowd)? => {}
            _ => return Ok(outcome),
        }
    }
    Err(StoreError::Busy)
}

/// Whether others write too, from the last mark.
fn is_crowd(size: Option<i64>, marked_at_ms: Option<i64>, now_ms: i64) -> bool {
    let age_ms = marked_at_ms.map(|then_ms| now_ms.saturating_sub(then_ms));
    size.is_some_and(|size| size >= CROWD) && age_ms.is_some_and(|age_ms| (0..=RECENT_MS).contains(&age_ms))
}

/// Whether the database is in WAL mode.
fn has_log<P: Platform>(data: &Data<'_, P>) -> Result<bool, SqlError> {
    let rows = data.patiently(|| data.execute("PRAGMA journal_mode", &[]))?;
    let mode = rows.into_iter().flatten().next();
    Ok(matches!(mode, Some(Value::Blob(mode)) if mode == b"wal"))
}

/// Waits until all that was committed is on the disk. False where the event is gone meanwhile.
fn settle<P: Platform>(platform: &P, data: &Data<'_, P>, event: &Appended, crowd: bool) -> Result<bool, StoreError> {
    let witness = [Param::Integer(event.ids.last().copied().unwrap_or_default()), Param::Text(&event.timestamp)];
    let look = || {
        let mut row = data.execute(LOOK, &witness)?.into_iter().flatten();
        let generation = row.next().and_then(|value| text::integer(&value));
        Ok((generation, row.next() == Some(Value::Integer(1))))
    };
    data.wait(Waiting::Moment);
    let settled = data.patiently(look).and_then(|(before, was_there)| {
        if crowd {
            platform.sleep(GATHERING);
        }
        data.patiently(|| {
            let (now, mut is_there) = look()?;
            if now == before {
                let before = before.map_or(Param::Null, Param::Integer);
                data.execute(MOVE_MARK, &[before, Param::Integer(platform.now_ms())])?;
                // It has moved, by us or by somebody who was faster.
                (_, is_there) = look()?;
            }
            Ok(is_there || !was_there)
        })
    });
    // Here a missing table is not one to be made: the event was added already.
    settled.map_err(|error| match error {
        SqlError::Locked(_) => StoreError::Busy,
        other => StoreError::Failing(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_a_recent_mark_of_many_shows_a_crowd(
            size in proptest::option::of(-10_i64..20),
            age_ms in -300_i64..300,
            now_ms in 0_i64..4_000_000_000_000,
        ) {
            let expected = size >= Some(CROWD) && (0..=RECENT_MS).contains(&age_ms);
            prop_assert_eq!(is_crowd(size, Some(now_ms - age_ms), now_ms), expected);
            prop_assert!(!is_crowd(size, None, now_ms));
        }

        #[test]
        fn no_clock_and_no_count_makes_it_panic(size: Option<i64>, marked_at_ms: Option<i64>, now_ms: i64) {
            is_crowd(size, marked_at_ms, now_ms);
        }
    }
}
