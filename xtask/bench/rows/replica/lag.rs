//! Replication lag: from the moment at which the writer is told of its commit until a file that holds it lies under its
//! name in the store, a folder. [`super::probe`] says how it is known which file that is.
//!
//! A commit waits for the next sync, wherever in the interval it comes: a replicator that takes no time at all has the
//! interval itself as its slowest and half of it as its median, and that is the limit that is shown beside it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::place::Place;
use super::probe::{Arrival, Watch, lags};
use super::replicator::{INTERVAL, Replicator};
use super::writer::Writer;
use crate::load::{latency_sample, microseconds};
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::Files;
use crate::process::Service;
use crate::report::{Group, Metric};
use crate::rows::Bench;
use crate::seed;

/// Events that are there before.
const EVENTS: u64 = 1_000;

/// Transactions a second, and the interval of both.
const CASES: [(u32, Duration); 4] =
    [(10, INTERVAL), (100, INTERVAL), (1_000, INTERVAL), (100, Duration::from_millis(250))];

/// How long commits are counted.
const WINDOW: Duration = Duration::from_secs(20);
const QUICK_WINDOW: Duration = Duration::from_secs(3);

/// Between two looks at the folder: what a lag may be too long by.
const LOOK: Duration = Duration::from_millis(1);

/// A commit that is in no file after this long is left out.
const PATIENCE: Duration = Duration::from_secs(30);

const METRICS: [Metric; 8] = [
    Metric::lower("p50_ms", "ms"),
    Metric::lower("p99_ms", "ms"),
    Metric::lower("max_ms", "ms"),
    Metric::lower("never_arrived", "transactions"),
    Metric::higher("per_second", "1/s"),
    Metric::lower("cpu_ms_per_second", "ms"),
    Metric::lower("peak_rss_mib", "MiB"),
    Metric::lower("private_mib", "MiB"),
];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    CASES.into_iter().map(|(rate, interval)| one_case(bench, rate, interval)).collect()
}

fn one_case(bench: &Bench<'_>, rate: u32, interval: Duration) -> Result<Group> {
    let replicators = Replicator::all(bench);
    let contender = |replicator| {
        let observe = move || observe(bench, replicator, rate, interval);
        Contender::new(Replicator::side(replicator), replicator.name(), observe)
    };
    let mut contenders: Vec<_> = replicators.iter().map(contender).collect();
    if bench.options.runs(Side::Limit) {
        contenders.push(Contender::new(Side::Limit, "the interval alone", || Ok(limit(interval))));
    }
    let title = format!(
        "lag in a folder at {rate} transactions a second, synced every {}",
        humantime::format_duration(interval)
    );
    Ok(Group::new(&title, take_turns(&title, contenders, bench.options.turns())?, &METRICS))
}

fn limit(interval: Duration) -> Sample {
    let ms = interval.as_secs_f64() * 1000.0;
    Sample::from([("p50_ms", ms * 0.5), ("p99_ms", ms * 0.99), ("max_ms", ms)])
}

fn observe(bench: &Bench<'_>, replicator: &Replicator, rate: u32, interval: Duration) -> Result<Sample> {
    let folder = bench.project.scratch.folder("replica-lag")?;
    let files = Files::below(&folder)?;
    seed::application(&bench.project.schema, &files.database, EVENTS)?;
    let store = Place::folder(folder).store();
    let mut writer = Writer::open(&files.database)?;
    let mut service = replicator.start(bench, &files, &store, interval)?;

    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || writer.run(rate, || done.load(Ordering::Relaxed)));
        let ready = service.wait_for("the store had a first transaction", || store.level_0().is_some());
        let seen = ready.and_then(|()| Seen::begin(&service, store.level_0().context("the replica is gone")?));
        let seen = seen.and_then(|mut seen| {
            let window = if bench.options.quick { QUICK_WINDOW } else { WINDOW };
            seen.look_until(|seen| seen.from.elapsed() >= window)?;
            Ok(seen)
        });
        done.store(true, Ordering::Relaxed);
        let commits = writer.join().map_err(|_panic| anyhow!("the writer panicked"))??;
        seen?.finish(&service, &commits)
    })
}

/// What is seen of one replicator.
struct Seen {
    from: Instant,
    cpu: Duration,
    watch: Watch,
    arrivals: Vec<Arrival>,
}

impl Seen {
    fn begin(service: &Service, folder: std::path::PathBuf) -> Result<Self> {
        let watch = Watch::begin(folder)?;
        Ok(Self { from: Instant::now(), cpu: service.usage()?.cpu, watch, arrivals: Vec::new() })
    }

    fn look_until(&mut self, done: impl Fn(&Self) -> bool) -> Result<()> {
        while !done(self) {
            std::thread::sleep(LOOK);
            self.arrivals.extend(self.watch.look()?);
        }
        Ok(())
    }

    /// Waits for the last commit.
    fn finish(mut self, service: &Service, commits: &[Instant]) -> Result<Sample> {
        let usage = service.usage()?;
        let elapsed = self.from.elapsed();
        let counted = commits.iter().filter(|commit| **commit >= self.from).count();
        let stopped = Instant::now();
        let last = commits.len() as u64;
        self.look_until(|seen| {
            seen.arrivals.last().is_some_and(|arrival| arrival.mark >= last) || stopped.elapsed() > PATIENCE
        })?;
        let lags = lags(commits, &self.arrivals, self.from);
        if lags.is_empty() {
            bail!("none of {counted} transactions arrived within {PATIENCE:?}");
        }
        let mut sample = latency_sample(&lags.iter().copied().map(microseconds).collect::<Vec<_>>());
        sample.insert("never_arrived", (counted - lags.len()) as f64);
        sample.insert("per_second", counted as f64 / elapsed.as_secs_f64());
        let cpu = usage.cpu.saturating_sub(self.cpu);
        sample.insert("cpu_ms_per_second", cpu.as_secs_f64() * 1000.0 / elapsed.as_secs_f64());
        sample.insert("peak_rss_mib", usage.peak_rss_mib);
        sample.insert("private_mib", usage.private_mib);
        Ok(sample)
    }
}
