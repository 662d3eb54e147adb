//! Writers that never pause: the WAL must stay bounded, and no request may be refused.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::Bench;
use super::trio::LOAD_METRICS;
use crate::http;
use crate::load::Load;
use crate::measure::{Series, Side};
use crate::ours::Files;
use crate::report::{Group, Metric};
use crate::seed;

/// How often the WAL is looked at: it grows by less than 1 MiB in between.
const LOOK: Duration = Duration::from_millis(20);

const A_MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let files = Files::below(&bench.project.scratch.folder("soak")?)?;
    seed::application(&bench.project.schema, &files.database, 1_000)?;
    let ours = files.serve(&bench.project)?;
    let request = &http::get("/add?message=hello");
    let load = Load { address: ours.server.address, clients: bench.options.clients, request };
    let duration = bench.options.soak.unwrap_or(A_MINUTE);
    eprintln!("soak: {} writers for {duration:?}", load.clients);

    let done = AtomicBool::new(false);
    let (outcome, wal_bytes) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| largest(&files.wal(), &done));
        let outcome = load.run(duration);
        done.store(true, Ordering::Relaxed);
        let wal_bytes = watch.join().map_err(|_panic| anyhow!("the watcher of the WAL panicked"));
        (outcome, wal_bytes)
    });
    let mut sample = outcome?.sample(1);
    sample.insert("wal_max_mib", wal_bytes? as f64 / f64::from(1 << 20));

    let series = vec![Series { side: Side::Ours, name: "host".to_owned(), samples: vec![sample] }];
    let mut metrics = vec![Metric::lower("wal_max_mib", "MiB")];
    metrics.extend(LOAD_METRICS);
    let title = format!("{} writers for {}", load.clients, humantime::format_duration(duration));
    Ok(vec![Group::new(title, series, &metrics)])
}

fn largest(file: &Path, done: &AtomicBool) -> u64 {
    let mut largest = 0;
    while !done.load(Ordering::Relaxed) {
        // Between two checkpointers there may be none.
        largest = largest.max(std::fs::metadata(file).map_or(0, |metadata| metadata.len()));
        std::thread::sleep(LOOK);
    }
    largest
}
