//! The records as JSON, in /status and /recovery. What is not known is null.

use serde::Serialize;

use super::{Backup, Drill, Forecast, Lag, Rehearsal, Replica, Restore, Volume};
use crate::clock::rfc3339;

/// A backup in `/recovery`.
#[derive(Debug, Serialize)]
pub(crate) struct BackupView {
    file: String,
    created_at: String,
    bytes: i64,
    verified: bool,
    error: Option<String>,
    encrypted: bool,
    events: Option<i64>,
    /// By how much it is ahead of the clock; null where it is not.
    ahead_seconds: Option<f64>,
    /// How many warnings came with it.
    warnings: i64,
}

impl BackupView {
    pub(crate) fn new(backup: Backup, now_ms: i64) -> Self {
        let ahead_seconds = backup.ahead_seconds(now_ms);
        let verified = backup.is_good();
        let Backup { file, created_at_ms, bytes, error, encrypted, events, warnings, .. } = backup;
        let created_at = rfc3339(created_at_ms);
        Self { file, created_at, bytes, verified, error, encrypted, events, ahead_seconds, warnings }
    }
}

/// A replica in `/status`.
#[derive(Debug, Serialize)]
pub(crate) struct ReplicaView {
    replica: String,
    epoch: Option<String>,
    txid: i64,
    lag_seconds: Option<f64>,
    synced_at: Option<String>,
    window_from: Option<String>,
    well: bool,
    error: Option<String>,
}

impl ReplicaView {
    pub(crate) fn new(replica: Replica, now_ms: i64) -> Self {
        Self {
            lag_seconds: replica.lag_seconds(now_ms),
            well: replica.is_well(now_ms),
            synced_at: replica.synced_ms.map(rfc3339),
            window_from: replica.window_from_ms.map(rfc3339),
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
    queue_files: i64,
    queue_bytes: i64,
    encrypted: bool,
    /// What SQLite's checks say of the database that is no damage.
    warnings: Option<Vec<String>>,
}

impl ReplicaState {
    pub(crate) fn new(mut replica: Replica, now_ms: i64) -> Self {
        let warnings = replica.warnings.take();
        let Replica { seen_ms, queue_files, queue_bytes, encrypted, .. } = replica;
        let status = ReplicaView::new(replica, now_ms);
        Self { status, seen_at: rfc3339(seen_ms), queue_files, queue_bytes, encrypted, warnings }
    }
}

/// A rehearsal.
#[derive(Debug, Serialize)]
pub(crate) struct RehearsalView {
    source: String,
    outcome: String,
    at: String,
    seconds: f64,
    point: Option<String>,
    error: Option<String>,
}

impl From<Rehearsal> for RehearsalView {
    fn from(rehearsal: Rehearsal) -> Self {
        let Rehearsal { at_ms, source, outcome, point, seconds, error, .. } = rehearsal;
        Self { source, outcome, at: rfc3339(at_ms), seconds, point, error }
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
        let Drill { at_ms, kind, kept, rto_seconds, rpo_seconds, .. } = drill;
        Self { kind, at: rfc3339(at_ms), kept, rto_seconds, rpo_seconds }
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
        let Restore { began_ms, ended_ms, point, mode, seconds, error } = restore;
        let (began_at, ended_at) = (rfc3339(began_ms), ended_ms.map(rfc3339));
        Self { began_at, ended_at, running, point, mode, seconds, error }
    }
}

/// How full a volume is.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeView {
    volume: String,
    at: String,
    total_bytes: i64,
    free_bytes: i64,
}

impl From<Volume> for VolumeView {
    fn from(volume: Volume) -> Self {
        let Volume { volume, at_ms, total_bytes, free_bytes, path: _ } = volume;
        Self { volume, at: rfc3339(at_ms), total_bytes, free_bytes }
    }
}

/// What the rules come to keep.
#[derive(Debug, Serialize)]
pub(crate) struct ForecastView {
    files: i64,
    bytes: i64,
    to_come_bytes: i64,
    /// Rules for which the volume has room, where these do not fit.
    rules: Option<String>,
}

impl From<Forecast> for ForecastView {
    fn from(forecast: Forecast) -> Self {
        let to_come_bytes = forecast.to_come_bytes();
        let Forecast { files, bytes, present_bytes: _, rules } = forecast;
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
        let Lag { url, at_ms, seconds } = lag;
        Self { replica: url, at: rfc3339(at_ms), seconds }
    }
}
