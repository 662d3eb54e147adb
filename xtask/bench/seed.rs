//! Databases to measure with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, TransactionBehavior};

use crate::process::fsync;

/// What a row of the database costs on its pages beside its message.
const ROW_OVERHEAD: u64 = 38;

/// Long enough that a gigabyte is not tens of millions of rows, short enough to be an event.
const MESSAGE_BYTES: u64 = 200;

/// Makes the application's database with `events` events, in WAL mode and closed clean.
pub(crate) fn application(schema: &str, database: &Path, events: u64) -> Result<()> {
    let mut connection = create(database)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(schema).context("failed to apply the application's schema")?;
    fill(&mut connection, events)
}

/// As [`application`], about `bytes` large.
pub(crate) fn application_of_size(schema: &str, database: &Path, bytes: u64) -> Result<()> {
    application(schema, database, bytes / (MESSAGE_BYTES + ROW_OVERHEAD))
}

/// Makes the workshop's database with `events` events, as Python's sqlite3 leaves it.
pub(crate) fn workshop(database: &Path, events: u64) -> Result<()> {
    let mut connection = create(database)?;
    connection.execute_batch(
        "CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, message TEXT NOT NULL)",
    )?;
    fill(&mut connection, events)
}

fn create(database: &Path) -> Result<Connection> {
    if let Some(folder) = database.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to create '{}'", folder.display()))?;
    }
    Connection::open(database).with_context(|| format!("failed to create '{}'", database.display()))
}

fn fill(connection: &mut Connection, events: u64) -> Result<()> {
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare("INSERT INTO events (timestamp, message) VALUES (?1, ?2)")?;
        for number in 0..events {
            insert.execute((timestamp(number), message(number)))?;
        }
    }
    transaction.commit().context("failed to fill a database")?;
    // Else the first thing to be measured would pay for writing all this out.
    connection.pragma_update(None, "synchronous", "FULL")?;
    if let Some(path) = connection.path().map(PathBuf::from) {
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_row| Ok(()))?;
        fsync(&path)?;
    }
    Ok(())
}

/// One second after the other; never looked at, but as long as a real one.
fn timestamp(number: u64) -> String {
    let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
    format!("2025-01-10T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// Differs from row to row, so that no two pages are alike.
fn message(number: u64) -> String {
    let mut text = format!("event {number}: ");
    let mut state = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    while (text.len() as u64) < MESSAGE_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:016x}", state ^ (state >> 29)));
    }
    text.truncate(MESSAGE_BYTES as usize);
    text
}
