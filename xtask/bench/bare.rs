//! The limit: SQLite alone in a loop, one connection per operation, as Spin opens one per request.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, TransactionBehavior};

use crate::load::{latency_sample, microseconds};
use crate::measure::Sample;

pub(crate) const NAME: &str = "bare loop";

const INSERT: &str = "INSERT INTO events (timestamp, message) VALUES ('2025-01-10T12:00:00.000Z', 'hello')";

/// One thread that has the database to itself.
pub(crate) struct Bare {
    database: PathBuf,
    /// Keeps the WAL in being between two operations, as the checkpointer does.
    _holder: Connection,
}

/// glibc gives the top of its heap back to the kernel when more than its threshold is free there, and a connection's
/// memory lies around that threshold: closing and opening then cost 20 µs of page faults, or not, by a hair. Freeing
/// one large block raises the threshold for good.
const TRIM_THRESHOLD_RAISED_BY: usize = 16 << 20;

impl Bare {
    /// `database` exists and is in WAL mode.
    pub(crate) fn new(database: PathBuf) -> Result<Self> {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(TRIM_THRESHOLD_RAISED_BY)));
        let holder = open(&database)?;
        // Only a connection that has read holds the WAL.
        holder.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0))?;
        Ok(Self { database, _holder: holder })
    }

    /// Open, insert, close.
    pub(crate) fn single_writes(&self, duration: Duration) -> Result<Sample> {
        self.repeat(duration, 1, |connection| {
            connection.execute(INSERT, ())?;
            Ok(())
        })
    }

    /// Open, insert `each` in one transaction, close.
    pub(crate) fn batch_writes(&self, duration: Duration, each: u32) -> Result<Sample> {
        self.repeat(duration, each, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut insert = transaction.prepare(INSERT)?;
                for _ in 0..each {
                    insert.execute(())?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// Open, read all rows of `query`, close.
    pub(crate) fn reads(&self, duration: Duration, query: &str) -> Result<Sample> {
        self.repeat(duration, 1, |connection| {
            let mut statement = connection.prepare(query)?;
            let columns = statement.column_count();
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    std::hint::black_box(row.get_ref(column)?);
                }
            }
            Ok(())
        })
    }

    fn repeat(
        &self,
        duration: Duration,
        each: u32,
        operation: impl Fn(&mut Connection) -> Result<()>,
    ) -> Result<Sample> {
        let mut latencies = Vec::new();
        let begin = Instant::now();
        while begin.elapsed() < duration {
            let start = Instant::now();
            let mut connection = open(&self.database)?;
            operation(&mut connection)?;
            connection.close().map_err(|(_connection, error)| error)?;
            latencies.push(microseconds(start.elapsed()));
        }
        let done = latencies.len() as f64 * f64::from(each);
        let seconds = begin.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let mut sample = latency_sample(&latencies);
        sample.insert("per_second", done / seconds);
        Ok(sample)
    }
}

fn open(database: &Path) -> Result<Connection> {
    Connection::open(database).with_context(|| format!("failed to open '{}'", database.display()))
}
