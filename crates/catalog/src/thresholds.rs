//! When something is old, late, suspicious or full: said once for the verdict of the dashboard, `kubectl pra status`, the
//! drills, the alarms and the documentation.
//!
//! A test of `pra-metrics` holds the alarms' rules, Grafana's dashboard and docs/monitoring.md to these. Where there are two
//! numbers, the first one is a warning on the dashboard, and the second one an alarm.

use std::time::Duration;

pub use pra_core::ahead::CLOCK_TOLERANCE;

/// A backup is made each minute (`k8s/kit/sqlite-backup.yaml`, `cargo xtask up`): two of them are missing.
pub const BACKUP_OLD: Duration = Duration::from_mins(3);
/// Nine of them are missing: the operator is woken (`PraBackupTooOld`).
pub const BACKUP_TOO_OLD: Duration = Duration::from_mins(10);

/// By how much a replica may be behind (docs/promises.md): a drill reports more.
pub const LAG_PROMISED: Duration = Duration::from_secs(1);
/// Ten times the promise.
pub const LAG_LONG: Duration = Duration::from_secs(10);
/// A backup a minute would be as good (`PraReplicaBehind`).
pub const LAG_TOO_LONG: Duration = Duration::from_mins(1);

/// The replicator says each two seconds how its replicas are: two of these are missing.
pub const REPLICATOR_SILENT: Duration = Duration::from_secs(5);
/// Longer than a replicator takes to start anew (`PraReplicatorSilent`).
pub const REPLICATOR_TOO_SILENT: Duration = Duration::from_secs(30);

/// Restores are rehearsed each night, at some hour of it (`PraRehearsalTooOld`, `PraRehearsalNever`).
pub const REHEARSAL_OLD: Duration = Duration::from_hours(36);

/// A restore takes seconds to minutes (docs/promises.md); one that was killed stays "at work" (`PraRestoreRunningTooLong`).
pub const RESTORE_TOO_LONG: Duration = Duration::from_mins(15);

/// A volume of which less is free, in percent, is nearly full (`PraDataVolumeNearlyFull`, `PraBackupVolumeNearlyFull`).
pub const VOLUME_LOW_PERCENT: u64 = 10;
/// A volume with less, in bytes, is full: no write of any size can be relied on.
pub const VOLUME_FULL: u64 = 1 << 20;
/// Room that the replicator leaves to the database, in bytes: replication stops before the application does.
pub const VOLUME_SPARE: u64 = 64 << 20;

/// The checkpointer holds the write-ahead log at 4 MiB: this is what it is when nothing is checkpointed any more
/// (`PraWalTooLarge`), in bytes.
pub const WAL_TOO_LARGE: u64 = 128 << 20;

/// Whether backups are late, by the age of the newest good one in seconds; without one it is infinite.
#[must_use]
pub fn is_backup_old(age: f64) -> bool {
    age > BACKUP_OLD.as_secs_f64()
}
