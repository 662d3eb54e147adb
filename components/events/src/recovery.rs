//! The records of the catalog as JSON, in `/status` and `/recovery`. What is not known is null.
//!
//! What they mean, and whether one could recover now, is in the crate `catalog`.

use catalog::{Backup, Drill, Forecast, Lag, Rehearsal, Replica, Restore, Volume};
use jiff::Timestamp;
use serde::Serialize;

use crate::clock::written;

/// A backup in `/recovery`.
#[derive(Debug, Serialize)]
pub(crate) struct BackupView {
    file: String,
    created_at: String,
    bytes: u64,
    verified: bool,
    error: Option<String>,
    encrypted: bool,
    events: Option<u64>,
    /// By how much it is ahead of the clock; null where it is not.
    ahead_seconds: Option<f64>,
    /// How many warnings came with it.
    warnings: u64,
}

impl BackupView {
    pub(crate) fn new(backup: Backup, now: Timestamp) -> Self {
        let ahead_seconds = backup.ahead_seconds(now);
        let verified = backup.is_good();
        let Backup { file, created_at, bytes, error, encrypted, events, warnings, .. } = backup;
        let created_at = written(created_at);
        Self { file, created_at, bytes, verified, error, encrypted, events, ahead_seconds, warnings }
    }
}

/// A replica in `/status`.
#[derive(Debug, Serialize)]
pub(crate) struct ReplicaView {
    replica: String,
    epoch: Option<String>,
    txid: u64,
    lag_seconds: Option<f64>,
    synced_at: Option<String>,
    window_from: Option<String>,
    well: bool,
    error: Option<String>,
}

impl ReplicaView {
    pub(crate) fn new(replica: Replica, now: Timestamp) -> Self {
        Self {
            lag_seconds: replica.lag_seconds(now),
            well: replica.is_well(now),
            synced_at: replica.synced.map(written),
            window_from: replica.window_from.map(written),
            replica: replica.url,
            epoch: replica.epoch,
            txid: replica.txid,
            error: replica.error,
        }
    }
}

/// A replica in `/recovery`.
#[derive(Debug, Serialize)]
pub(crate) struct ReplicaState {
    #[serde(flatten)]
    status: ReplicaView,
    seen_at: String,
    queue_files: u64,
    queue_bytes: u64,
    encrypted: bool,
    /// What SQLite's checks say of the database that is no damage.
    warnings: Option<Vec<String>>,
}

impl ReplicaState {
    pub(crate) fn new(mut replica: Replica, now: Timestamp) -> Self {
        let warnings = replica.warnings.take();
        let Replica { seen, queue_files, queue_bytes, encrypted, .. } = replica;
        let status = ReplicaView::new(replica, now);
        Self { status, seen_at: written(seen), queue_files, queue_bytes, encrypted, warnings }
    }
}

/// A rehearsal.
#[derive(Debug, Serialize)]
pub(crate) struct RehearsalView {
    source: String,
    outcome: &'static str,
    at: String,
    seconds: f64,
    point: Option<String>,
    error: Option<String>,
}

impl From<Rehearsal> for RehearsalView {
    fn from(rehearsal: Rehearsal) -> Self {
        let Rehearsal { at, source, outcome, point, seconds, error, .. } = rehearsal;
        Self { source, outcome: outcome.as_str(), at: written(at), seconds, point, error }
    }
}

/// A drill.
#[derive(Debug, Serialize)]
pub(crate) struct DrillView {
    kind: String,
    at: String,
    kept: bool,
    rto_seconds: Option<f64>,
    rpo_seconds: Option<f64>,
}

impl From<Drill> for DrillView {
    fn from(drill: Drill) -> Self {
        let Drill { at, kind, kept, rto_seconds, rpo_seconds, .. } = drill;
        Self { kind, at: written(at), kept, rto_seconds, rpo_seconds }
    }
}

/// A restore.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RestoreView {
    began_at: String,
    ended_at: Option<String>,
    running: bool,
    point: String,
    mode: Option<String>,
    seconds: Option<f64>,
    error: Option<String>,
}

impl From<Restore> for RestoreView {
    fn from(restore: Restore) -> Self {
        let running = restore.is_running();
        let Restore { began, ended, point, mode, seconds, error } = restore;
        let (began_at, ended_at) = (written(began), ended.map(written));
        Self { began_at, ended_at, running, point, mode, seconds, error }
    }
}

/// How full a volume is.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeView {
    volume: &'static str,
    at: String,
    total_bytes: u64,
    free_bytes: u64,
}

impl From<Volume> for VolumeView {
    fn from(volume: Volume) -> Self {
        let Volume { place, at, total, free, path: _ } = volume;
        Self { volume: place.as_str(), at: written(at), total_bytes: total, free_bytes: free }
    }
}

/// What the rules come to keep.
#[derive(Debug, Serialize)]
pub(crate) struct ForecastView {
    files: u64,
    bytes: u64,
    to_come_bytes: u64,
    /// Rules for which the volume has room, where these do not fit.
    rules: Option<String>,
}

impl From<Forecast> for ForecastView {
    fn from(forecast: Forecast) -> Self {
        let to_come_bytes = forecast.to_come();
        let Forecast { files, bytes, rules, .. } = forecast;
        Self { files, bytes, to_come_bytes, rules }
    }
}

/// How far a replica was behind.
#[derive(Debug, Serialize)]
pub(crate) struct LagView {
    replica: String,
    at: String,
    seconds: f64,
}

impl From<Lag> for LagView {
    fn from(lag: Lag) -> Self {
        let Lag { url, at, seconds } = lag;
        Self { replica: url, at: written(at), seconds }
    }
}
