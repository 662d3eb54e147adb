//! Whether one could recover now: what the catalog records, how that is shown, and the verdict on it.
//!
//! ```text
//! catalog (SQL) ──► record: Backup, Replica, Rehearsal, Drill, Restore     what backup-job has written
//!                     │
//!                     ├──► view       the JSON of /status and /recovery
//!                     └──► verdict    safe, warning or danger, with the reasons
//! ```
//! All of it is pure: the instant is an argument.

mod commands;
mod record;
mod verdict;
mod view;

pub(crate) use commands::Commands;
pub(crate) use record::{Backup, Drill, Forecast, Lag, Rehearsal, Replica, Restore, Volume};
pub(crate) use verdict::{Evidence, Record, Verdict, judge};
pub(crate) use view::{
    BackupView, DrillView, ForecastView, LagView, RehearsalView, ReplicaState, ReplicaView, RestoreView, VolumeView,
};

/// Seconds from `then_ms` to `now_ms`, to the millisecond; 0 where the clocks disagree and it would be negative.
pub(crate) fn seconds_between(then_ms: i64, now_ms: i64) -> f64 {
    std::time::Duration::from_millis(now_ms.saturating_sub(then_ms).max(0).unsigned_abs()).as_secs_f64()
}
