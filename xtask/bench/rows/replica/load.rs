//! What writers notice of a replicator: eight of them write as fast as they can, each transaction through a connection
//! of its own, as Spin opens one per request, in WAL mode and without checkpoints of their own.
//!
//! The application's ways to wait for the lock and to share a sync are not used here: every transaction is synced, and
//! a writer that waits tries again each millisecond.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rusqlite::Connection;

use super::place::Place;
use super::replicator::{INTERVAL, Replicator};
use crate::load::{Outcome, microseconds};
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::Files;
use crate::process::Service;
use crate::report::{Group, Metric};
use crate::rows::Bench;
use crate::seed;

const WRITERS: usize = 8;

/// Events that are there before.
const EVENTS: u64 = 1_000;

/// Several intervals, and several checkpoints.
const WINDOW: Duration = Duration::from_secs(10);
const QUICK_WINDOW: Duration = Duration::from_secs(2);

/// What waits longer is refused.
const PATIENCE_MS: i32 = 5_000;

const METRICS: [Metric; 6] = [
    Metric::higher("per_second", "1/s"),
    Metric::lower("p50_ms", "ms"),
    Metric::lower("p99_ms", "ms"),
    Metric::lower("max_ms", "ms"),
    Metric::lower("refused", "transactions"),
    Metric::lower("peak_rss_mib", "MiB"),
];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let replicators = Replicator::all(bench);
    let place = &Place::folder(bench.project.scratch.folder("replica-load")?);
    let contender = |replicator| {
        let beside = move || beside(bench, replicator, place);
        Contender::new(Replicator::side(replicator), replicator.name(), beside)
    };
    let mut contenders: Vec<_> = replicators.iter().map(contender).collect();
    if bench.options.runs(Side::Limit) {
        let checkpointer = || under_writers(bench, |files| files.checkpointer(&bench.project).map(Some));
        contenders.push(Contender::new(Side::Limit, "checkpointer, no replica", checkpointer));
        let alone = || under_writers(bench, |_files| Ok(None));
        contenders.push(Contender::new(Side::Limit, "writers alone, no checkpoint", alone));
    }
    let title = format!("{WRITERS} writers beside a replicator to a folder");
    Ok(vec![Group::new(&title, take_turns(&title, contenders, bench.options.turns())?, &METRICS)])
}

fn beside(bench: &Bench<'_>, replicator: &Replicator, place: &Place) -> Result<Sample> {
    let store = place.store();
    under_writers(bench, |files| replicator.start(bench, files, &store, INTERVAL).map(Some))
}

fn under_writers(bench: &Bench<'_>, start: impl FnOnce(&Files) -> Result<Option<Service>>) -> Result<Sample> {
    let files = Files::below(&bench.project.scratch.folder("replica-load-database")?)?;
    seed::application(&bench.project.schema, &files.database, EVENTS)?;
    // Without it the last writer to close would checkpoint where there is no replicator.
    let holder = Connection::open(&files.database)?;
    holder.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0))?;
    let service = start(&files)?;
    let mut sample = write(&files.database, if bench.options.quick { QUICK_WINDOW } else { WINDOW })?.sample(1);
    if let Some(service) = service {
        sample.insert("peak_rss_mib", service.usage()?.peak_rss_mib);
    }
    Ok(sample)
}

fn write(database: &Path, window: Duration) -> Result<Outcome> {
    let refused = AtomicU64::new(0);
    let begin = Instant::now();
    let one = || {
        let mut latencies = Vec::new();
        while begin.elapsed() < window {
            let start = Instant::now();
            if insert(database)? {
                latencies.push(microseconds(start.elapsed()));
            } else {
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(latencies)
    };
    let parts = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(one)).collect();
        let joined = writers.into_iter().map(|writer| writer.join().map_err(|_panic| anyhow!("a writer panicked"))?);
        joined.collect::<Result<Vec<Vec<u32>>>>()
    })?;
    let elapsed = begin.elapsed();
    let mut latencies = parts.concat();
    latencies.sort_unstable();
    Ok(Outcome { latencies, refused: refused.into_inner(), elapsed })
}

/// `false` where it waited in vain.
fn insert(database: &Path) -> Result<bool> {
    let mut connection = Connection::open(database)?;
    connection.busy_handler(Some(|tries| {
        std::thread::sleep(Duration::from_millis(1));
        tries < PATIENCE_MS
    }))?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let statement = "INSERT INTO events (timestamp, message) VALUES ('2025-01-10T12:00:00.000Z', 'hello')";
    let inserted = match connection.execute(statement, ()) {
        Ok(_rows) => true,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => false,
        Err(error) => return Err(error.into()),
    };
    connection.close().map_err(|(_connection, error)| error)?;
    Ok(inserted)
}
