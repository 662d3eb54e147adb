//! `GET /metrics`: what the two databases say, for Prometheus.
//!
//! Nothing is kept between requests, so there are only gauges. What is not known is left out.

use std::collections::BTreeSet;

use catalog::point::Counted;
use catalog::{Outcome, Rehearsal, Replica, Restore};
use jiff::Timestamp;
use pra_metrics::{CONTENT_TYPE, Exporter, Samples};

use crate::clock;
use crate::http::Response;
use crate::platform::Platform;
use crate::store::{self, Catalog};

/// More drills than the catalog keeps.
const DRILLS: i64 = 1_000;

/// `GET /metrics`: 200 also where a database fails, since that is what it tells then.
pub(crate) fn metrics<P: Platform>(platform: &P) -> Response {
    let mut samples = Samples::default();
    samples.set(pra_metrics::BUILD_INFO, [env!("CARGO_PKG_VERSION"), Exporter::Application.word()], 1.0);
    let look = store::look(platform);
    samples.set(pra_metrics::READY, [], flag(look.is_ok()));
    if let Ok((events, bytes)) = look {
        samples.set(pra_metrics::EVENTS, [], number(events));
        samples.set(pra_metrics::DATABASE_SIZE, [], number(bytes));
    }
    // The values read before the failure are still valid.
    let readable = recorded(platform, &mut samples).is_ok();
    samples.set(pra_metrics::CATALOG_READABLE, [], flag(readable));
    // Writing into a text does not fail; if it did, an empty answer is a scrape that failed.
    Response::text(200, CONTENT_TYPE, samples.encode().unwrap_or_default().into_bytes())
}

fn recorded<P: Platform>(platform: &P, samples: &mut Samples) -> Result<(), String> {
    let catalog = Catalog::open(platform)?;
    let published = catalog.published_at()?;
    samples.set_known(pra_metrics::CATALOG_PUBLISHED, [], published.map(seconds));
    let points = catalog.restore_points()?;
    for (source, is_backup) in [("backup", true), ("safety-copy", false)] {
        for (verified, is_good) in [("true", true), ("false", false)] {
            let counts = points.iter().filter(|one| (one.are_backups, one.are_good) == (is_backup, is_good));
            let count = counts.map(|Counted { count, .. }| count).sum();
            samples.set(pra_metrics::RESTORE_POINTS, [source, verified], self::count(count));
        }
    }
    let now_ms = platform.now_ms();
    let now = clock::instant(now_ms);
    let ahead = catalog.backup_ahead(now_ms)?.and_then(|backup| backup.ahead_seconds(now));
    samples.set(pra_metrics::BACKUP_AHEAD, [], ahead.unwrap_or(0.0));
    if let Some(last) = catalog.last_backup(now_ms)? {
        samples.set(pra_metrics::BACKUP_LAST, [], seconds(last.created_at));
        samples.set(pra_metrics::BACKUP_LAST_SIZE, [], count(last.bytes));
        samples.set(pra_metrics::BACKUP_LAST_DURATION, [], last.seconds);
        samples.set(pra_metrics::BACKUP_LAST_WARNINGS, [], count(last.warnings));
    }
    let newest = catalog.backups(1)?.pop();
    samples.set_known(pra_metrics::BACKUP_LAST_VERIFIED, [], newest.map(|newest| flag(newest.is_good())));
    for replica in catalog.replicas()? {
        self::replica(&replica, now, samples);
    }
    for Rehearsal { at, source, outcome, seconds: took, .. } in &catalog.last_rehearsals()? {
        samples.set(pra_metrics::REHEARSAL_LAST, [source], seconds(*at));
        let good = (*outcome != Outcome::NotRehearsed).then(|| flag(*outcome == Outcome::Good));
        samples.set_known(pra_metrics::REHEARSAL_LAST_GOOD, [source], good);
        samples.set(pra_metrics::REHEARSAL_DURATION, [source], *took);
    }
    for Rehearsal { at, source, .. } in &catalog.last_good_rehearsals()? {
        samples.set(pra_metrics::REHEARSAL_GOOD, [source], seconds(*at));
    }
    let mut seen = BTreeSet::new();
    for drill in catalog.drills(DRILLS)? {
        // Newest first: a repeated entry is older.
        if seen.insert(drill.kind.clone()) {
            let kind = drill.kind.as_str();
            samples.set(pra_metrics::DRILL_LAST, [kind], seconds(drill.at));
            samples.set(pra_metrics::DRILL_KEPT, [kind], flag(drill.kept));
            samples.set_known(pra_metrics::DRILL_RTO, [kind], drill.rto_seconds);
            samples.set_known(pra_metrics::DRILL_RPO, [kind], drill.rpo_seconds);
        }
    }
    let restore = catalog.restore()?;
    samples.set(pra_metrics::RESTORE_RUNNING, [], flag(restore.as_ref().is_some_and(Restore::is_running)));
    samples.set_known(pra_metrics::RESTORE_BEGAN, [], restore.as_ref().map(|restore| seconds(restore.began)));
    samples.set_known(pra_metrics::RESTORE_DURATION, [], restore.and_then(|restore| restore.seconds));
    Ok(())
}

fn replica(replica: &Replica, now: Timestamp, samples: &mut Samples) {
    let url = [replica.url.as_str()];
    samples.set_known(pra_metrics::REPLICA_LAG, url, replica.lag_seconds(now));
    samples.set(pra_metrics::REPLICA_UP, url, flag(replica.is_well(now)));
    samples.set(pra_metrics::REPLICA_TXID, url, count(replica.txid));
    samples.set_known(pra_metrics::REPLICA_SYNCED, url, replica.synced.map(seconds));
    samples.set_known(pra_metrics::REPLICA_WINDOW_START, url, replica.window_from.map(seconds));
    samples.set(pra_metrics::REPLICA_SEEN, url, seconds(replica.seen));
    samples.set(pra_metrics::REPLICA_QUEUE_FILES, url, count(replica.queue_files));
    samples.set(pra_metrics::REPLICA_QUEUE_BYTES, url, count(replica.queue_bytes));
    let warnings = replica.warnings.as_ref().and_then(|warnings| u64::try_from(warnings.len()).ok());
    samples.set_known(pra_metrics::REPLICA_WARNINGS, url, warnings.map(count));
}

fn flag(flag: bool) -> f64 {
    f64::from(u8::from(flag))
}

/// Prometheus has no other numbers: beyond 2^53 a count is off by a few.
#[allow(clippy::cast_precision_loss)]
fn number(number: i64) -> f64 {
    number as f64
}

/// The same of a count of the catalog.
#[allow(clippy::cast_precision_loss)]
fn count(count: u64) -> f64 {
    count as f64
}

/// An instant as Prometheus has it, in seconds.
fn seconds(at: Timestamp) -> f64 {
    number(at.as_millisecond()) / 1_000.0
}
