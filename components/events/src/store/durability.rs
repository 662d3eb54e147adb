//! Group commit: where many write at once, one sync of the log serves them all.
//!
//! ```text
//! alone      insert, committed with a sync (FULL)         one client: one transaction, as ever
//! together   insert and join, without a sync (NORMAL)     the lock is held for some 50 µs
//!            the first to join opens a group and leads it: it waits a millisecond, for others to join,
//!            and moves the mark, committed with a sync (FULL)
//!            everyone:  answer once the mark has reached the group
//! ```
//!
//! Why that is durable: in WAL mode a FULL commit syncs the whole log before any reader can see it, so a mark that has
//! reached a group proves that all of its commits are synced. **After a failed sync, a later one proves nothing**: the
//! kernel marks the pages it could not write as clean, so that the next sync succeeds without them. So while a group is
//! open its leader alone syncs, once, on a connection that was open before anything of the group was written (Linux
//! reports a failed write to each descriptor that was open then, also if another process's sync or checkpoint met it).
//! No other connection commits with a sync meanwhile: batches and single writers join. If the leader failed or died,
//! the group stays open, and no request is answered 2xx until a process has written the log anew and closed the group:
//! `backup-job replicate`, or, if no other process is connected, [`close_alone`].
//!
//! Not so where the log does not exist, in rollback-journal mode, nor where the table of the mark does not: there
//! every writer is alone.

use std::time::Duration;

use super::StoreError;
use super::append::Outcome;
use super::data::Data;
use super::schedule::{PATIENCE, Waiting};
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

/// A group that has been open for so long has no leader any more, and may be closed by another.
const ABANDONED: Duration = Duration::from_secs(1);
const ABANDONED_MS: i64 = 1_000;

/// Each try to close one keeps new connections out for a moment.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

const NOT_SYNCED: &str = "the log was not synced: its disk failed, or the process that had to sync it died; nothing is \
    acknowledged until `backup-job replicate` has written it anew";

const LAST_MARK: &str = "SELECT crowd, marked_at_ms FROM durability WHERE id = 1";

/// The mark, whether an event is there, and since when the open group is open.
const LOOK: &str = "SELECT (SELECT generation FROM durability WHERE id = 1),
    EXISTS (SELECT 1 FROM events WHERE id = ?1 AND timestamp = ?2),
    (SELECT opened_at_ms FROM durability WHERE id = 1)";

/// Opens a group, or joins the one that is open. The right side of an equals sign is the old row.
const JOIN: &str = "INSERT INTO durability (id, generation, opened, opened_at_ms, joined, through, crowd, marked_at_ms)
    VALUES (1, 0, 1, ?1, 1, (SELECT coalesce(max(id), 0) FROM events), 0, 0)
    ON CONFLICT (id) DO UPDATE SET opened = generation + 1,
        opened_at_ms = CASE WHEN opened > generation THEN opened_at_ms ELSE excluded.opened_at_ms END,
        joined = CASE WHEN opened > generation THEN joined + 1 ELSE 1 END
    RETURNING opened, joined";

const OPEN_GROUP: &str = "SELECT opened FROM durability WHERE id = 1 AND opened > generation";

/// Moves the mark to the group that is open: the leader's, and of no use to a group that is closed.
const MOVE_MARK: &str = "UPDATE durability SET generation = opened,
        crowd = crowd * 3 / 4 + max(0, min(8, (SELECT coalesce(max(id), 0) FROM events) - through)),
        through = (SELECT coalesce(max(id), 0) FROM events), marked_at_ms = ?2
    WHERE id = 1 AND opened = ?1 AND generation < opened";

/// How an event is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// With a sync, where no group is open.
    Alone,
    /// Without one, as a member of a group.
    Together,
    /// With a sync, in a database that has no groups.
    Plain,
}

/// How it went.
pub(super) enum Attempt {
    /// Done, with the group whose sync the caller waits for, if any.
    Done(Outcome, Option<Member>),
    /// Nothing was added: [`Commit::Alone`] is not possible now.
    GroupIsOpen,
}

/// A commit's place in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    group: i64,
    leads: bool,
}

/// Adds events with `append`, together with other writers if there are any. They are on the disk afterwards.
///
/// # Errors
/// Those of `append`; or the sync failed or did not come in time, and then the events may be there or not.
pub(super) fn group<P: Platform>(
    platform: &P,
    data: &Data<'_, P>,
    is_single: bool,
    append: impl Fn(Commit) -> Result<Attempt, StoreError>,
) -> Result<Outcome, StoreError> {
    let last_mark = match data.patiently(|| data.execute(LAST_MARK, &[])) {
        Err(SqlError::NoSuchTable(_)) => {
            return match append(Commit::Plain)? {
                Attempt::Done(outcome, _) => Ok(outcome),
                Attempt::GroupIsOpen => Err(StoreError::Busy),
            };
        }
        last_mark => last_mark?,
    };
    let [size, marked_at_ms] = [0, 1].map(|column| text::integer(last_mark.first()?.get(column)?));
    let crowd = is_single && is_crowd(size, marked_at_ms, platform.now_ms());
    if !crowd {
        data.wait(if is_single { Waiting::Never } else { Waiting::Turn });
        let alone = append(Commit::Alone);
        data.wait(Waiting::Turn);
        match alone {
            Ok(Attempt::Done(outcome, member)) if settle(platform, data, &outcome, member, crowd)? => {
                return Ok(outcome);
            }
            Ok(_) => {}
            Err(StoreError::Busy) if is_single && has_log(data)? => {}
            Err(StoreError::Busy) if is_single => return alone_without_a_log(platform, data, &append),
            Err(error) => return Err(error),
        }
        if !has_log(data)? {
            return alone_without_a_log(platform, data, &append);
        }
    }
    // Twice, since a restore in place may come between insert and mark, and takes the event away.
    for _ in 0..2 {
        data.wait(if crowd { Waiting::Moment } else { Waiting::Turn });
        data.patiently(|| data.execute("PRAGMA synchronous=NORMAL", &[]))?;
        let attempt = append(Commit::Together)?;
        data.execute("PRAGMA synchronous=FULL", &[])?;
        if let Attempt::Done(outcome, member) = attempt
            && settle(platform, data, &outcome, member, crowd)?
        {
            return Ok(outcome);
        }
    }
    Err(StoreError::Busy)
}

/// In rollback-journal mode each commit is on the disk before it is seen: a group that is still open needs no sync.
fn alone_without_a_log<P: Platform>(
    platform: &P,
    data: &Data<'_, P>,
    append: &impl Fn(Commit) -> Result<Attempt, StoreError>,
) -> Result<Outcome, StoreError> {
    if let Some(member) = open_group(data)? {
        data.patiently(|| move_mark(platform, data, member.group))?;
    }
    match append(Commit::Alone)? {
        Attempt::Done(outcome, _) => Ok(outcome),
        Attempt::GroupIsOpen => Err(StoreError::Busy),
    }
}

/// Makes the transaction under way a member of the group that is open, or opens one.
pub(super) fn join<P: Platform>(platform: &P, data: &Data<'_, P>) -> Result<Member, StoreError> {
    let row = data.execute(JOIN, &[Param::Integer(platform.now_ms())])?.into_iter().next().unwrap_or_default();
    let [group, joined] = [0, 1].map(|column| row.get(column).and_then(text::integer));
    match (group, joined) {
        (Some(group), Some(joined)) => Ok(Member { group, leads: joined == 1 }),
        _ => Err(StoreError::Failing("the table 'durability' is damaged".to_owned())),
    }
}

/// As one of the group that is open, where one is.
pub(super) fn open_group<P: Platform>(data: &Data<'_, P>) -> Result<Option<Member>, SqlError> {
    let group = data.patiently(|| data.execute(OPEN_GROUP, &[]))?.into_iter().flatten().next();
    Ok(group.and_then(|group| text::integer(&group)).map(|group| Member { group, leads: false }))
}

fn move_mark<P: Platform>(platform: &P, data: &Data<'_, P>, group: i64) -> Result<(), SqlError> {
    data.execute(MOVE_MARK, &[Param::Integer(group), Param::Integer(platform.now_ms())]).map(drop)
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

/// Waits until the member's group is on the disk; the leader syncs it. False where the events are gone meanwhile.
fn settle<P: Platform>(
    platform: &P,
    data: &Data<'_, P>,
    outcome: &Outcome,
    member: Option<Member>,
    crowd: bool,
) -> Result<bool, StoreError> {
    let (Outcome::Added(event) | Outcome::Replayed(event), Some(Member { group, leads })) = (outcome, member) else {
        return Ok(true);
    };
    // Here a missing table is not one to be made: the event was added already.
    let failing = |error| match error {
        SqlError::Locked(_) => StoreError::Busy,
        other => StoreError::Failing(other.to_string()),
    };
    data.wait(Waiting::Moment);
    if leads {
        if crowd {
            platform.sleep(GATHERING);
        }
        data.patiently(|| move_mark(platform, data, group)).map_err(failing)?;
    }
    let witness = [Param::Integer(event.ids.last().copied().unwrap_or_default()), Param::Text(&event.timestamp)];
    let since = platform.elapsed();
    let mut next_try = Duration::ZERO;
    loop {
        let mut row = data.patiently(|| data.execute(LOOK, &witness)).map_err(failing)?.into_iter().flatten();
        let [generation, is_there, opened_at_ms] = [(); 3].map(|()| row.next().and_then(|value| text::integer(&value)));
        if is_there != Some(1) {
            return Ok(false);
        }
        if generation.is_some_and(|generation| generation >= group) {
            return Ok(true);
        }
        let waited = platform.elapsed().saturating_sub(since);
        if waited >= PATIENCE {
            return Err(StoreError::Failing(NOT_SYNCED.to_owned()));
        }
        let age_ms = opened_at_ms.map_or(i64::MAX, |then_ms| platform.now_ms().saturating_sub(then_ms));
        if waited >= next_try && (waited >= ABANDONED || !(0..ABANDONED_MS).contains(&age_ms)) {
            close_alone(platform, data, group).map_err(failing)?;
            next_try = waited + BETWEEN_TRIES;
        }
        platform.sleep(GATHERING.max(waited / 50));
    }
}

/// Closes a group that its leader has left open, if no other process is connected. Only then can the log be given up:
/// SQLite writes everything in it into the database and syncs the database.
fn close_alone<P: Platform>(platform: &P, data: &Data<'_, P>, group: i64) -> Result<(), SqlError> {
    match data.execute("PRAGMA journal_mode=DELETE", &[]) {
        Ok(_) => {}
        Err(SqlError::Locked(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    if has_log(data)? {
        return Ok(());
    }
    data.patiently(|| move_mark(platform, data, group))?;
    data.patiently(|| data.execute("PRAGMA journal_mode=WAL", &[])).map(drop)
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
