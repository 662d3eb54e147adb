//! What is known of the replicator at this moment: as rows for the catalog, and as metrics.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use disk::catalog::status::Replica;
use disk::{clock, files};
use jiff::Timestamp;
use pra_core::latest::Latest;
use pra_metrics::{Exporter, Samples};

use super::engine;
use super::health::Health;
use super::outbox::{Outbox, Standing};
use crate::checkpointer;

/// All that is watched.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) database: PathBuf,
    pub(super) backups: PathBuf,
    pub(super) checkpointer: Arc<Latest<checkpointer::Stats>>,
    pub(super) engine: Arc<Latest<engine::Stats>>,
    pub(super) health: Arc<Health>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) clock: Arc<Latest<clock::Steps>>,
    /// Whether the files are encrypted.
    pub(super) encrypted: bool,
}

impl Watch {
    /// How each store is.
    pub(super) fn replicas(&self, now: Timestamp) -> Vec<Replica> {
        let (standings, trouble) = (self.outbox.standings(), self.outbox.trouble());
        let stores = self.health.stores().into_iter().zip(standings);
        let replica = |(health, standing): (super::StoreHealth, Standing)| Replica {
            url: health.replica,
            seen: now,
            epoch: health.epoch.map(|epoch| epoch.to_string()),
            txid: standing.txid,
            synced: instant(standing.synced_ms),
            window_from: health.window_from_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            queue_files: standing.files,
            queue_bytes: standing.bytes,
            encrypted: self.encrypted,
            error: health.trouble.or_else(|| trouble.clone()),
            warnings: self.outbox.warnings(),
        };
        stores.map(replica).collect()
    }

    /// Whether the clock was set since the last look: said once, with what follows from it.
    pub(super) fn look_at_the_clock(&self) {
        let Some(reading) = clock::Reading::take() else { return };
        let mut steps = self.clock.get();
        let step = steps.look(reading);
        self.clock.set(steps);
        if let Some(step) = step {
            tracing::warn!(
                seconds = step.seconds(),
                now = %reading.wall,
                hint = "see `timedatectl status`, and that the service that keeps the time runs. Instants from before the \
                        step may be wrong; the runbook's page clock-wrong says what that means for restores",
                "this machine's clock was set {step}"
            );
        }
    }

    /// The metrics of `pra_metrics` that are the replicator's.
    pub(super) fn samples(&self, now: Timestamp) -> Samples {
        let mut samples = Samples::default();
        samples.set(pra_metrics::BUILD_INFO, [env!("CARGO_PKG_VERSION"), Exporter::Replicator.word()], 1.0);
        self.of_the_checkpointer(&mut samples);
        self.of_the_engine(&mut samples);
        let clock::Steps { count, last, .. } = self.clock.get();
        samples.set(pra_metrics::CLOCK_STEPS, [], float(count));
        samples.set(pra_metrics::CLOCK_STEP, [], last.map_or(0.0, clock::Step::seconds));
        self.of_the_stores(&mut samples, now);
        for (volume, folder) in [("data", files::folder_of(&self.database)), ("backup", &self.backups)] {
            of_the_volume(&mut samples, volume, folder);
        }
        samples
    }

    fn of_the_checkpointer(&self, samples: &mut Samples) {
        let checkpointer::Stats { wal, largest_wal, checkpoints, longest_hold, opened: _, holds } =
            self.checkpointer.get();
        samples.set(pra_metrics::CHECKPOINTER_HOLDING, [], flag(holds));
        samples.set(pra_metrics::WAL_SIZE, [], float(wal));
        samples.set(pra_metrics::WAL_SIZE_MAX, [], float(largest_wal));
        samples.set(pra_metrics::CHECKPOINTS, [], float(checkpoints));
        samples.set(pra_metrics::CHECKPOINT_LOCK_MAX, [], longest_hold.as_secs_f64());
    }

    fn of_the_engine(&self, samples: &mut Samples) {
        let engine::Stats { syncs, full_comparisons, errors, busy, looked_ms } = self.engine.get();
        samples.set(pra_metrics::SYNCS, [], float(syncs));
        samples.set(pra_metrics::SYNC_SECONDS, [], busy.as_secs_f64());
        samples.set(pra_metrics::SYNC_FULL_COMPARISONS, [], float(full_comparisons));
        samples.set(pra_metrics::SYNC_ERRORS, [], float(errors));
        samples.set_known(pra_metrics::SYNC_LAST, [], instant(looked_ms).map(seconds));
        samples.set(pra_metrics::STAGING, [], float(self.outbox.bytes()));
    }

    fn of_the_stores(&self, samples: &mut Samples, now: Timestamp) {
        for health in self.health.stores() {
            let label = [health.replica.as_str()];
            samples.set(pra_metrics::UPLOADS, label, float(health.objects));
            samples.set(pra_metrics::UPLOAD_BYTES, label, float(health.bytes));
            samples.set(pra_metrics::UPLOAD_SECONDS, label, health.seconds);
            samples.set(pra_metrics::REPLICA_FAILURES, label, float(health.failures));
        }
        for replica in self.replicas(now) {
            let Replica {
                url,
                seen: _,
                epoch,
                txid,
                synced,
                window_from,
                queue_files,
                queue_bytes,
                encrypted: _,
                error,
                warnings,
            } = replica;
            let label = [url.as_str()];
            let lag = synced.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default().as_secs_f64());
            samples.set_known(pra_metrics::REPLICA_LAG, label, lag);
            samples.set(pra_metrics::REPLICA_UP, label, flag(error.is_none() && epoch.is_some()));
            samples.set(pra_metrics::REPLICA_TXID, label, float(txid));
            samples.set_known(pra_metrics::REPLICA_SYNCED, label, synced.map(seconds));
            samples.set_known(pra_metrics::REPLICA_WINDOW_START, label, window_from.map(seconds));
            samples.set(pra_metrics::REPLICA_QUEUE_FILES, label, float(queue_files));
            samples.set(pra_metrics::REPLICA_QUEUE_BYTES, label, float(queue_bytes));
            let warnings = warnings.map(|warnings| float(warnings.len() as u64));
            samples.set_known(pra_metrics::REPLICA_WARNINGS, label, warnings);
        }
    }
}

fn of_the_volume(samples: &mut Samples, volume: &str, folder: &Path) {
    // A volume that is not there has no size.
    if let Ok((size, free)) = files::room(folder) {
        samples.set(pra_metrics::VOLUME_SIZE, [volume], float(size));
        samples.set(pra_metrics::VOLUME_FREE, [volume], float(free));
    }
}

/// 0 means not known.
pub(super) fn instant(ms: u64) -> Option<Timestamp> {
    let ms = i64::try_from(ms).ok().filter(|ms| *ms > 0)?;
    Timestamp::from_millisecond(ms).ok()
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has nothing but f64")]
fn float(value: u64) -> f64 {
    value as f64
}
