//! The state in one sentence. What is worst is said.

use std::time::Duration;

use catalog::thresholds::is_backup_old;
use jiff::Timestamp;
use pra_core::age;

use super::{Backups, Status};

/// Whether there is nothing to do, and the state in one sentence.
pub fn summary(status: &Status) -> (bool, String) {
    let Status { application, backups, checkpointer, restore, .. } = status;
    let (name, pods) = (&application.name, &application.pods);
    let running = format!("{} of {} pods ready", pods.ready, pods.replicas);
    if let Some(holder) = &restore.holder {
        let since = restore.since.map(|since| format!(" since {}", seconds(since))).unwrap_or_default();
        return (false, format!("a restore of {name} is under way{since} ({holder}); {running}"));
    }
    if restore.unfinished.is_some() {
        return (
            false,
            format!("a restore of {name} was cut off: the next restore finishes it or puts all back; {running}"),
        );
    }
    if pods.deployment.is_none() {
        return (false, format!("{name} is protected, but its Deployment is not there"));
    }
    if pods.replicas == 0 {
        return (false, format!("{name} is scaled to zero"));
    }
    if pods.ready == 0 {
        return (false, format!("{name} does not serve: {running}"));
    }
    if backups.suspended {
        return (false, format!("{name} runs ({running}), but backups are suspended"));
    }
    let Some(age) = backups.age_seconds else {
        return (false, format!("{name} runs ({running}), but there is no backup yet"));
    };
    let age = age::display(Duration::from_secs(age));
    if fails(backups) {
        return (false, format!("{name} runs ({running}), but backups fail: the last good one is {age} old"));
    }
    if checkpointer.ready == 0 {
        return (false, format!("{name} runs ({running}), but its checkpointer does not: the write-ahead log grows"));
    }
    if pods.ready < pods.replicas {
        return (false, format!("{name} runs with fewer pods than wanted: {running}; last backup {age} ago"));
    }
    (true, format!("{name} runs ({running}) and is protected: last backup {age} ago"))
}

fn fails(backups: &Backups) -> bool {
    let (Some(scheduled), Some(successful)) = (backups.last_scheduled, backups.last_successful) else { return false };
    // Backups that began so long after the last good one show that they fail.
    backups.active == 0 && is_backup_old(scheduled.duration_since(successful).as_secs_f64())
}

/// An instant to the second.
fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}
