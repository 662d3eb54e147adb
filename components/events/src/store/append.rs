//! Adding events, each request in one transaction.

use std::borrow::Cow;

use super::StoreError;
use super::data::{Data, with_schema};
use super::durability::{self, Attempt, Commit};
use super::schedule::Waiting;
use crate::clock::rfc3339;
use crate::idempotency::{Key, Known, forgotten_before};
use crate::platform::{Param, Platform, Row, SqlError, Value};
use crate::{ids, limits, text};

/// What a request has added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The ids, in the order of the messages.
    pub(crate) ids: Vec<i64>,
    /// The timestamp that all of them have.
    pub(crate) timestamp: String,
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The events were added.
    Added(Appended),
    /// They had been added before, under the same key: this is what was answered then.
    Replayed(Appended),
    /// The key was used for another request. Nothing was added.
    KeyReused,
}

const INSERT_ONE: &str = "INSERT INTO events (timestamp, message) VALUES (?1, ?2) RETURNING id";

/// One call for any number of rows: each call costs a change of thread in the host.
const INSERT_MANY: &str = "INSERT INTO events (timestamp, message)
    SELECT ?1, value FROM json_each(?2) ORDER BY key RETURNING id";

/// The same, unless a group is open: otherwise a writer's own sync would seem to cover commits of others that failed to
/// sync.
const INSERT_ONE_ALONE: &str = "INSERT INTO events (timestamp, message)
    SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM durability WHERE opened > generation) RETURNING id";
const INSERT_MANY_ALONE: &str = "INSERT INTO events (timestamp, message)
    SELECT ?1, value FROM json_each(?2) WHERE NOT EXISTS (SELECT 1 FROM durability WHERE opened > generation)
    ORDER BY key RETURNING id";

/// A key that is still alive stays as it is, and then no row comes back.
const INSERT_KEY: &str = "INSERT INTO idempotency_keys (key, request_hash, event_ids, timestamp, created_at_ms)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (key) DO UPDATE SET request_hash = excluded.request_hash, event_ids = excluded.event_ids,
        timestamp = excluded.timestamp, created_at_ms = excluded.created_at_ms
    WHERE created_at_ms < ?6
    RETURNING 1";

const FIND_KEY: &str = "SELECT CAST(request_hash AS BLOB), CAST(event_ids AS BLOB), CAST(timestamp AS BLOB)
    FROM idempotency_keys WHERE key = ?1";

/// Adds messages, in order, all or none; with a key at most once in its life.
///
/// # Errors
/// Nothing was added then. (After a COMMIT that failed with an I/O error, or a sync that did not come in time, it
/// is unknown; a retry with the same key is harmless also then.)
pub(crate) fn append<P: Platform>(
    platform: &P,
    messages: &[Cow<'_, str>],
    key: Option<&Key>,
) -> Result<Outcome, StoreError> {
    // The row is made once; every try inserts the same one.
    let batch = match messages {
        [_] => None,
        many => Some(serde_json::to_string(many).map_err(|error| StoreError::Failing(error.to_string()))?),
    };
    let insert = match (messages, &batch) {
        ([one], None) => Insert { statement: INSERT_ONE, alone: INSERT_ONE_ALONE, what: one },
        (_, batch) => {
            Insert { statement: INSERT_MANY, alone: INSERT_MANY_ALONE, what: batch.as_deref().unwrap_or("[]") }
        }
    };
    with_schema(platform, || {
        let data = Data::open_to_write(platform)?;
        let append = |how| match (key, how) {
            // A single statement is its own transaction.
            (None, Commit::Alone | Commit::Plain) => {
                let appended = data.patiently(|| insert.run(platform, &data, how))?;
                Ok(appended.map_or(Attempt::GroupIsOpen, |appended| Attempt::Done(Outcome::Added(appended), None)))
            }
            (key, how) => append_in_transaction(platform, &data, &insert, key, how),
        };
        // A batch waits for no other writers: it is a group by itself.
        durability::group(platform, &data, matches!(messages, [_]), append)
    })
}

/// Adds with more than one statement. Without a COMMIT it is rolled back when the connection is dropped.
fn append_in_transaction<P: Platform>(
    platform: &P,
    data: &Data<'_, P>,
    insert: &Insert<'_>,
    key: Option<&Key>,
    how: Commit,
) -> Result<Attempt, StoreError> {
    data.patiently(|| data.execute("BEGIN IMMEDIATE", &[]))?;
    // We have the lock: every later wait may take its full time.
    data.wait(Waiting::Turn);
    // The key is nearly always new, so the events are inserted without asking first.
    let Some(appended) = insert.run(platform, data, how)? else {
        data.execute("ROLLBACK", &[])?;
        return Ok(Attempt::GroupIsOpen);
    };
    if let Some(key) = key
        && !remember(platform, data, key, &appended)?
    {
        // Those events may belong to a group that is still open.
        let known = find_known(data, key)?;
        let open = match how {
            Commit::Plain => None,
            Commit::Alone | Commit::Together => durability::open_group(data)?,
        };
        data.execute("ROLLBACK", &[])?;
        return Ok(Attempt::Done(known, open));
    }
    let member = match how {
        Commit::Together => Some(durability::join(platform, data)?),
        Commit::Alone | Commit::Plain => None,
    };
    data.patiently(|| data.execute("COMMIT", &[]))?;
    Ok(Attempt::Done(Outcome::Added(appended), member))
}

/// Records the request that the key identifies; false if the key is still valid and in use.
fn remember<P: Platform>(platform: &P, data: &Data<'_, P>, key: &Key, appended: &Appended) -> Result<bool, SqlError> {
    let now_ms = platform.now_ms();
    let event_ids = ids::encode(&appended.ids);
    let parameters = [
        Param::Text(&key.name),
        Param::Blob(&key.request_hash),
        Param::Text(&event_ids),
        Param::Text(&appended.timestamp),
        Param::Integer(now_ms),
        Param::Integer(forgotten_before(now_ms)),
    ];
    Ok(!data.execute(INSERT_KEY, &parameters)?.is_empty())
}

/// The request that the stored key identifies.
fn find_known<P: Platform>(data: &Data<'_, P>, key: &Key) -> Result<Outcome, StoreError> {
    let row = data.execute(FIND_KEY, &[Param::Text(&key.name)])?.into_iter().next().unwrap_or_default();
    let damaged = || StoreError::Failing("the row of this Idempotency-Key is damaged".to_owned());
    let [request_hash, event_ids, timestamp] = <[Value; 3]>::try_from(row).map_err(|_row| damaged())?;
    let Value::Blob(request_hash) = request_hash else {
        return Err(damaged());
    };
    match key.compare(&request_hash) {
        Known::Other => Ok(Outcome::KeyReused),
        Known::Same => {
            let ids = ids::decode(&text::decode(event_ids), limits::BATCH_EVENTS).ok_or_else(damaged)?;
            Ok(Outcome::Replayed(Appended { ids, timestamp: text::decode(timestamp) }))
        }
    }
}

/// The statement that adds a request's messages, and its parameter.
struct Insert<'a> {
    statement: &'static str,
    /// The same, which adds nothing where a group is open.
    alone: &'static str,
    what: &'a str,
}

impl Insert<'_> {
    /// Adds them; `None` where a group is open and `how` minds. The timestamp is taken here, so that waiting for the
    /// lock does not make it old.
    fn run<P: Platform>(&self, platform: &P, data: &Data<'_, P>, how: Commit) -> Result<Option<Appended>, SqlError> {
        let timestamp = rfc3339(platform.now_ms());
        let statement = if how == Commit::Alone { self.alone } else { self.statement };
        let rows = data.execute(statement, &[Param::Text(&timestamp), Param::Text(self.what)])?;
        let mut ids: Vec<i64> = rows.iter().filter_map(first_integer).collect();
        // SQLite promises no order for RETURNING, but it gives ids in the order of insertion.
        ids.sort_unstable();
        let adds_nothing_for_a_group = how == Commit::Alone && ids.is_empty();
        Ok((!adds_nothing_for_a_group).then_some(Appended { ids, timestamp }))
    }
}

fn first_integer(row: &Row) -> Option<i64> {
    text::integer(row.first()?)
}
