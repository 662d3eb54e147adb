//! Reading events.

use serde::Serialize;

use super::StoreError;
use super::data::{Data, with_schema};
use crate::cursor::Cursor;
use crate::limits;
use crate::platform::{Param, Platform, Row};
use crate::text;

/// An event, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) timestamp: String,
    pub(crate) message: String,
}

/// The order of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRequest {
    /// The event that the page begins after.
    pub(crate) after: Option<Cursor>,
    /// How many events it has at most.
    pub(crate) limit: usize,
    pub(crate) order: Order,
}

/// A page of events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The events, and whether more follow them.
    Events { events: Vec<Event>, more: bool },
    /// The event that the cursor points at is no longer the same.
    Gone,
}

/// The number of events, at the same cost for any number.
pub(crate) fn count<P: Platform>(platform: &P) -> Result<i64, StoreError> {
    with_schema(platform, || {
        let rows = Data::open(platform)?.execute("SELECT events FROM event_count WHERE id = 1", &[])?;
        first_integer(&rows)
    })
}

/// Reads from each table that answers need, and the size of the whole.
const LOOK: &str =
    "SELECT events, (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size()),
        (SELECT max(id) FROM events), (SELECT 1 FROM idempotency_keys LIMIT 1)
    FROM event_count WHERE id = 1";

/// Whether the database is initialised and can be read.
pub(crate) fn probe<P: Platform>(platform: &P) -> Result<(), StoreError> {
    with_schema(platform, || first_integer(&Data::open(platform)?.execute(LOOK, &[])?).map(|_count| ()))
}

/// How many events there are and how large the database is, in bytes, without waiting long for a lock: a monitoring
/// request needs an answer now.
pub(crate) fn look<P: Platform>(platform: &P) -> Result<(i64, i64), StoreError> {
    with_schema(platform, || {
        let data = Data::open(platform)?;
        data.execute("PRAGMA busy_timeout=300", &[])?;
        let rows = data.execute(LOOK, &[])?;
        let bytes = rows.first().and_then(|row| text::integer(row.get(1)?)).ok_or(StoreError::Uninitialised)?;
        Ok((first_integer(&rows)?, bytes))
    })
}

/// The last events, newest first.
pub(crate) fn latest<P: Platform>(platform: &P) -> Result<Vec<Event>, StoreError> {
    with_schema(platform, || {
        let sql = "SELECT id, CAST(timestamp AS BLOB), CAST(message AS BLOB) FROM events ORDER BY id DESC LIMIT ?1";
        Ok(events(Data::open(platform)?.execute(sql, &[length(limits::CONSULTATION_EVENTS)])?))
    })
}

/// One event.
pub(crate) fn event<P: Platform>(platform: &P, id: i64) -> Result<Option<Event>, StoreError> {
    with_schema(platform, || {
        let sql = "SELECT id, CAST(timestamp AS BLOB), CAST(message AS BLOB) FROM events WHERE id = ?1";
        Ok(events(Data::open(platform)?.execute(sql, &[Param::Integer(id)])?).pop())
    })
}

/// The page if it is small enough, as nearly all are: the event of the cursor (?1) and those after it, at most ?2
/// events. No row if these have more than ?4 bytes in all.
macro_rules! small_page_sql {
    ($compare:literal, $direction:literal) => {
        concat!(
            "SELECT id, CAST(timestamp AS BLOB), CAST(message AS BLOB) FROM events
            WHERE id ",
            $compare,
            " ?1 AND (SELECT total(size) FROM (
                SELECT octet_length(message) AS size FROM events
                WHERE id ",
            $compare,
            " ?1 ORDER BY id ",
            $direction,
            " LIMIT ?2)) <= ?4
            ORDER BY id ",
            $direction,
            " LIMIT ?2"
        )
    };
}

/// From the event of the cursor on (?1), which comes along to be compared, at most ?2 events are looked at and, of
/// these, as many read as have ?4 bytes: the sizes come from the rows' headers, so what is not wanted is not read.
/// The cursor's event (?3) counts for nothing, so that one event at least follows it. The last column is how many
/// were looked at.
macro_rules! large_page_sql {
    ($compare:literal, $direction:literal) => {
        concat!(
            "WITH candidates AS (
                SELECT id, coalesce(octet_length(message), 0) AS size FROM events
                WHERE id ",
            $compare,
            " ?1 ORDER BY id ",
            $direction,
            " LIMIT ?2),
            page AS (
                SELECT id, count(*) OVER () AS found,
                    sum(CASE WHEN id = ?3 THEN 0 ELSE size END)
                        OVER (ORDER BY id ",
            $direction,
            " ROWS UNBOUNDED PRECEDING) - size AS before
                FROM candidates)
            SELECT e.id, CAST(e.timestamp AS BLOB), CAST(e.message AS BLOB), page.found
            FROM page CROSS JOIN events AS e ON e.id = page.id WHERE page.before < ?4"
        )
    };
}

/// A page of events, from one statement and so of one state of the database.
pub(crate) fn page<P: Platform>(platform: &P, wanted: PageRequest) -> Result<Page, StoreError> {
    let PageRequest { after, limit, order } = wanted;
    let (small, large, end) = match order {
        Order::Ascending => (small_page_sql!(">=", "ASC"), large_page_sql!(">=", "ASC"), i64::MIN),
        Order::Descending => (small_page_sql!("<=", "DESC"), large_page_sql!("<=", "DESC"), i64::MAX),
    };
    let parameters = [
        Param::Integer(after.map_or(end, |cursor| cursor.id)),
        // One more shows whether more follow, and the cursor's own event comes along.
        length(limit + 1 + usize::from(after.is_some())),
        after.map_or(Param::Null, |cursor| Param::Integer(cursor.id)),
        Param::Integer(limits::PAGE_BYTES),
    ];
    with_schema(platform, || {
        let data = Data::open(platform)?;
        let mut rows = data.execute(small, &parameters)?;
        // Empty, or too large: only then are the window functions worth their cost.
        if rows.is_empty() {
            rows = data.execute(large, &parameters)?;
        }
        let counted = rows.first().and_then(|row| text::integer(row.get(3)?));
        let mut found = counted.map_or(rows.len(), |found| usize::try_from(found).unwrap_or(usize::MAX));
        let mut events = events(rows);
        events.sort_unstable_by_key(|event| event.id);
        if order == Order::Descending {
            events.reverse();
        }
        if let Some(cursor) = after {
            if !events.first().is_some_and(|event| cursor.is_at(event.id, &event.timestamp)) {
                return Ok(Page::Gone);
            }
            events.remove(0);
            found = found.saturating_sub(1);
        }
        events.truncate(limit);
        Ok(Page::Events { more: found > events.len(), events })
    })
}

fn length(rows: usize) -> Param<'static> {
    Param::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// The first column of the first row. No row means that the schema is not whole.
fn first_integer(rows: &[Row]) -> Result<i64, StoreError> {
    rows.first().and_then(|row| text::integer(row.first()?)).ok_or(StoreError::Uninitialised)
}

/// Rows of `id, timestamp, message, …`.
fn events(rows: Vec<Row>) -> Vec<Event> {
    let event = |row: Row| {
        let mut columns = row.into_iter();
        let id = text::integer(&columns.next()?)?;
        Some(Event { id, timestamp: text::decode(columns.next()?), message: text::decode(columns.next()?) })
    };
    rows.into_iter().filter_map(event).collect()
}
