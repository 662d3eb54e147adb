//! What a day costs at S3: requests by kind and megabytes, counted by a MinIO over a short while and multiplied.
//!
//! It includes the work of every second and the compactions of every half minute, except the first, which may hold the
//! whole database. It does not include the work of every five minutes, every hour and every day: later compactions, the
//! snapshot, and the removal of old files, a few requests each.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::place::Place;
use super::replicator::{INTERVAL, Replicator};
use super::writer::Writer;
use crate::measure::{Contender, Sample, take_turns};
use crate::minio::{Counts, Minio};
use crate::ours::Files;
use crate::report::{Group, Metric};
use crate::rows::Bench;
use crate::seed;

/// Events that are there before.
const EVENTS: u64 = 1_000;

/// Transactions a second of a busy day.
const RATE: u32 = 10;

/// Four compactions of the first level of both.
const WINDOW: Duration = Duration::from_secs(120);
const QUICK_WINDOW: Duration = Duration::from_secs(3);

/// After its first sync a replicator comes to rest, once that is compacted.
const REST: Duration = Duration::from_secs(45);

/// Both compact a second time when the clock's minutes are a multiple of five: the windows lie between two of these.
const SECOND_LEVEL: u64 = 300;

/// What such a compaction may take, and what a window may be longer than it should be.
const MARGIN: u64 = 10;

const DAY: Duration = Duration::from_secs(86_400);

/// A key of the sample, and of [`Counts`].
const KINDS: [[(&str, &str); 6]; 2] = [
    [
        ("idle_put", "put"),
        ("idle_get", "get"),
        ("idle_list", "list"),
        ("idle_delete", "delete"),
        ("idle_other", "other"),
        ("idle_up_mb", "up_mb"),
    ],
    [
        ("busy_put", "put"),
        ("busy_get", "get"),
        ("busy_list", "list"),
        ("busy_delete", "delete"),
        ("busy_other", "other"),
        ("busy_up_mb", "up_mb"),
    ],
];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let Some(minio) = Minio::start(&bench.project.scratch.folder("replica-day-store")?)? else {
        return Ok(Vec::new());
    };
    let place = &Place::s3(minio);
    let [rest, window] = if bench.options.quick { [QUICK_WINDOW; 2] } else { [REST, WINDOW] };
    let replicators = Replicator::all(bench);
    let contender = |replicator| {
        let observe = move || observe(bench, place, replicator, rest, window);
        Contender::new(Replicator::side(replicator), replicator.name(), observe)
    };
    let contenders = replicators.iter().map(contender).collect();
    let title = format!(
        "a day at S3, from {0} idle and {0} busy with {RATE} transactions a second",
        humantime::format_duration(window)
    );
    // Counts are the same each time.
    let series = take_turns(&title, contenders, 1)?;
    let metric =
        |(key, kind): (&'static str, &str)| Metric::lower(key, if kind == "up_mb" { "MB/day" } else { "requests/day" });
    let metrics: Vec<_> = KINDS.into_iter().flatten().map(metric).collect();
    Ok(vec![Group::new(title, series, &metrics)])
}

fn observe(
    bench: &Bench<'_>,
    place: &Place,
    replicator: &Replicator,
    rest: Duration,
    window: Duration,
) -> Result<Sample> {
    let files = Files::below(&bench.project.scratch.folder("replica-day")?)?;
    seed::application(&bench.project.schema, &files.database, EVENTS)?;
    let store = place.store();
    let mut writer = Writer::open(&files.database)?;
    let _service = replicator.start(bench, &files, &store, INTERVAL)?;
    std::thread::sleep(rest);
    if !bench.options.quick {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        std::thread::sleep(Duration::from_secs(until_room(now, 2 * window.as_secs())));
    }
    let counts = || place.minio().map_or_else(|| Ok(Counts::default()), Minio::counts);

    let mut sample = Sample::new();
    let mut add = |before: &Counts, after: &Counts, kinds: [(&'static str, &str); 6], elapsed: Duration| {
        let factor = DAY.div_duration_f64(elapsed);
        sample.extend(kinds.map(|(key, kind)| (key, after.since(before, kind) * factor)));
    };
    let [idle, busy] = KINDS;
    let (begin, before) = (Instant::now(), counts()?);
    std::thread::sleep(window);
    let (middle, between) = (Instant::now(), counts()?);
    add(&before, &between, idle, middle - begin);
    writer.run(RATE, || middle.elapsed() >= window)?;
    add(&between, &counts()?, busy, middle.elapsed());
    Ok(sample)
}

/// Seconds from `now` until there are `needed` without a compaction of the second level.
fn until_room(now: u64, needed: u64) -> u64 {
    let past = now % SECOND_LEVEL;
    if past < MARGIN {
        MARGIN - past
    } else if past + needed + MARGIN > SECOND_LEVEL {
        SECOND_LEVEL - past + MARGIN
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_compaction_of_five_minutes_falls_into_the_windows() {
        assert_eq!(until_room(600, 240), 10);
        assert_eq!(until_room(605, 240), 5);
        assert_eq!(until_room(650, 240), 0);
        assert_eq!(until_room(651, 240), 259);
    }
}
