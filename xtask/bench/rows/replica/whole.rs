//! Whole databases: the first sync, and restores to the latest and to an instant, from a folder and from S3.
//!
//! What is restored from has the first sync and a history of small transactions after it. The instant is in the middle
//! of them.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use super::place::{Place, Store, remove};
use super::replicator::{INTERVAL, Replicator};
use super::writer::{Writer, mark_of};
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::minio::Minio;
use crate::ours::Files;
use crate::plain::{self, Plain};
use crate::process::{Ended, run};
use crate::report::{Group, Metric};
use crate::rows::Bench;
use crate::{copies, seed};

const MB: u64 = 1_000_000;

/// Of the history, a second, and for how long.
const RATE: u32 = 100;
const HISTORY: Duration = Duration::from_secs(6);
const QUICK_HISTORY: Duration = Duration::from_secs(2);

const SECONDS: Metric = Metric::lower("seconds", "s");
const CPU_SECONDS: Metric = Metric::lower("cpu_seconds", "s");
const PEAK_RSS: Metric = Metric::lower("peak_rss_mib", "MiB");

const SYNC: [Metric; 4] = [SECONDS, CPU_SECONDS, PEAK_RSS, Metric::lower("stored_mb", "MB")];

const LATEST: [Metric; 4] = [SECONDS, CPU_SECONDS, PEAK_RSS, Metric::lower("missing", "transactions")];

/// `too_early_ms`: from the last transaction that is there to the instant. Each sync is one step.
const INSTANT: [Metric; 4] = [SECONDS, CPU_SECONDS, PEAK_RSS, Metric::lower("too_early_ms", "ms")];

pub(crate) fn folder(bench: &Bench<'_>) -> Result<Vec<Group>> {
    all_sizes(bench, &Place::folder(bench.project.scratch.folder("replica-stores")?))
}

pub(crate) fn s3(bench: &Bench<'_>) -> Result<Vec<Group>> {
    match Minio::start(&bench.project.scratch.folder("replica-minio")?)? {
        Some(minio) => all_sizes(bench, &Place::s3(minio)),
        None => Ok(Vec::new()),
    }
}

fn all_sizes(bench: &Bench<'_>, place: &Place) -> Result<Vec<Group>> {
    let mut sizes = vec![(100 * MB, "100 MB"), (1_000 * MB, "1 GB")];
    if bench.options.quick {
        sizes = vec![(20 * MB, "20 MB")];
    }
    if bench.options.large {
        sizes.push((10_000 * MB, "10 GB"));
    }
    let mut groups = Vec::new();
    for (bytes, size) in sizes {
        let files = Files::below(&bench.project.scratch.folder("replica")?)?;
        eprintln!("replica of {size}: making the database");
        seed::application_of_size(&bench.project.schema, &files.database, bytes)?;
        groups.extend(Scene { bench, place, files, size }.measure()?);
    }
    Ok(groups)
}

/// One database and where its replicas go.
struct Scene<'a> {
    bench: &'a Bench<'a>,
    place: &'a Place,
    files: Files,
    size: &'static str,
}

/// What was replicated of a history.
struct Replica<'a> {
    replicator: &'a Replicator,
    store: Store,
    commits: Vec<SystemTime>,
}

impl Scene<'_> {
    fn measure(&self) -> Result<[Group; 3]> {
        let Self { bench, place, files, size } = self;
        let replicators = Replicator::all(bench);
        let place_name = place.name();
        let plain = self.plain()?;
        let cp = || copies::cp(&files.database, &files.backups.join("copy.db"));
        let limits = |plain_name, plain_run: fn(&Plain) -> Result<Sample>| {
            let plain = plain.as_ref().map(|plain| Contender::new(Side::Limit, plain_name, move || plain_run(plain)));
            let limits = plain.into_iter().chain([Contender::new(Side::Limit, copies::CP, cp)]);
            limits.filter(|_| bench.options.runs(Side::Limit)).collect::<Vec<_>>()
        };

        let sync =
            |replicator| Contender::new(Replicator::side(replicator), replicator.name(), move || self.sync(replicator));
        let mut contenders: Vec<_> = replicators.iter().map(sync).collect();
        contenders.extend(limits(plain::PUT, Plain::put));
        let title = format!("first sync of {size} to {place_name}");
        let first = Group::new(&title, take_turns(&title, contenders, bench.options.turns())?, &SYNC);

        let replicas = replicators.iter().map(|r| self.replicate(r)).collect::<Result<Vec<_>>>()?;
        let restores = |what: &str, restore: &dyn Fn(&Replica<'_>) -> Result<Sample>, metrics: &[Metric]| {
            let contender = |replica| {
                let Replica { replicator, .. }: &Replica<'_> = replica;
                Contender::new(replicator.side(), replicator.name(), move || restore(replica))
            };
            let mut contenders: Vec<_> = replicas.iter().map(contender).collect();
            contenders.extend(limits(plain::GET, Plain::get));
            let title = format!("restore of {size} from {place_name} to {what}");
            anyhow::Ok(Group::new(&title, take_turns(&title, contenders, bench.options.turns())?, metrics))
        };
        let latest = restores("the latest", &|replica| self.latest(replica), &LATEST)?;
        let instant = restores("an instant", &|replica| self.instant(replica), &INSTANT)?;
        Ok([first, latest, instant])
    }

    /// As many bytes as a replica of ours has, for the store's own time.
    fn plain(&self) -> Result<Option<Plain>> {
        let Some(minio) = self.place.minio().filter(|_| self.bench.options.runs(Side::Limit)) else { return Ok(None) };
        let stored_mb = self.sync(&Replicator::Ours)?.remove("stored_mb").context("nothing was stored")?;
        Ok(Some(Plain::new(minio, &self.files.backups.join("plain"), (stored_mb * 1e6) as u64)?))
    }

    fn sync(&self, replicator: &Replicator) -> Result<Sample> {
        let Self { bench, place, files, .. } = self;
        replicator.forget(files)?;
        let store = place.store();
        let mut sample = used(&run(&mut replicator.once(bench, files, &store))?);
        sample.insert("stored_mb", store.stored_mb()?);
        Ok(sample)
    }

    fn replicate<'r>(&self, replicator: &'r Replicator) -> Result<Replica<'r>> {
        let Self { bench, place, files, size } = self;
        eprintln!("replica of {size}: {} follows a history", replicator.name());
        replicator.forget(files)?;
        let store = place.store();
        let mut writer = Writer::open(&files.database)?;
        let service = replicator.start(bench, files, &store, INTERVAL)?;
        let (begin, clock) = (Instant::now(), SystemTime::now());
        let history = if bench.options.quick { QUICK_HISTORY } else { HISTORY };
        let commits = writer.run(RATE, || begin.elapsed() >= history)?;
        // Each has its intervals for the last of them.
        std::thread::sleep(3 * INTERVAL);
        drop(service);
        let commits = commits.into_iter().map(|commit| clock + (commit - begin)).collect();
        Ok(Replica { replicator, store, commits })
    }

    fn latest(&self, replica: &Replica<'_>) -> Result<Sample> {
        let (mut sample, mark) = self.restore(replica, None)?;
        sample.insert("missing", replica.commits.len() as f64 - mark as f64);
        Ok(sample)
    }

    fn instant(&self, replica: &Replica<'_>) -> Result<Sample> {
        let Replica { commits, .. } = replica;
        let middle = *commits.get(commits.len() / 2).context("the history is empty")?;
        let (mut sample, mark) = self.restore(replica, Some(middle))?;
        // Before the first there is nothing to be early by.
        if let Some(reached) = usize::try_from(mark)?.checked_sub(1).and_then(|index| commits.get(index)) {
            let early = middle.duration_since(*reached).map(|early| early.as_secs_f64());
            let early = early.unwrap_or_else(|late| -late.duration().as_secs_f64());
            sample.insert("too_early_ms", early * 1000.0);
        }
        Ok(sample)
    }

    fn restore(&self, replica: &Replica<'_>, instant: Option<SystemTime>) -> Result<(Sample, u64)> {
        let Self { bench, files, .. } = self;
        let Replica { replicator, store, .. } = replica;
        let folder = files.backups.join("restored");
        let target = Files::below(&folder)?;
        let data = target.database.parent().context("a database without a folder")?;
        std::fs::create_dir_all(data).with_context(|| format!("failed to create '{}'", data.display()))?;
        let sample = used(&run(&mut replicator.restore(bench, &target, store, instant))?);
        let mark = mark_of(&target.database)?;
        remove(&folder)?;
        Ok((sample, mark))
    }
}

fn used(ended: &Ended) -> Sample {
    let Ended { elapsed, cpu, peak_rss_mib, stdout: _ } = ended;
    let seconds = [("seconds", elapsed.as_secs_f64()), ("cpu_seconds", cpu.as_secs_f64())];
    Sample::from_iter(seconds.into_iter().chain([("peak_rss_mib", *peak_rss_mib)]))
}
