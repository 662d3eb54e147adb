//! `GET /status`: how many events, and what could be brought back.

use catalog::{Backup, Replica, Restore};
use serde::Serialize;

use super::Answer;
use crate::clock;
use crate::http::Response;
use crate::platform::Platform;
use crate::recovery::{DrillView, RehearsalView, ReplicaView};
use crate::store::{self, Catalog};

/// The body: the workshop's three keys, then ours.
#[derive(Serialize)]
struct Status {
    count: i64,
    last_backup_file: Option<String>,
    backup_age_seconds: Option<i64>,
    last_backup_at: Option<String>,
    replicas: Vec<ReplicaView>,
    last_rehearsals: Vec<RehearsalView>,
    last_drill: Option<DrillView>,
    restore_running: bool,
    /// A backup that is ahead of the clock, where there is one: a clock was or is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspicious_backup: Option<Suspicious>,
    /// Only if the catalog cannot be read; then it is unknown whether there are backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_error: Option<String>,
}

#[derive(Serialize)]
struct Suspicious {
    file: String,
    ahead_seconds: f64,
}

/// What the catalog says; with no catalog, nothing.
#[derive(Default)]
struct Recorded {
    last: Option<Backup>,
    ahead: Option<Backup>,
    replicas: Vec<Replica>,
    last_rehearsals: Vec<RehearsalView>,
    last_drill: Option<DrillView>,
    restore_running: bool,
}

/// `GET /status`.
pub(crate) fn status<P: Platform>(platform: &P) -> Answer {
    let count = store::count(platform)?;
    let now_ms = platform.now_ms();
    let now = clock::instant(now_ms);
    let (recorded, backup_error) = match recorded(platform, now_ms) {
        Ok(recorded) => (recorded, None),
        Err(why) => (Recorded::default(), Some(why)),
    };
    let Recorded { last, ahead, replicas, last_rehearsals, last_drill, restore_running } = recorded;
    let status = Status {
        count,
        backup_age_seconds: last.as_ref().map(|backup| clock::age_seconds(now_ms, backup.created_at.as_millisecond())),
        last_backup_at: last.as_ref().map(|backup| clock::written(backup.created_at)),
        last_backup_file: last.map(|backup| backup.file),
        replicas: replicas.into_iter().map(|replica| ReplicaView::new(replica, now)).collect(),
        last_rehearsals,
        last_drill,
        restore_running,
        suspicious_backup: ahead
            .and_then(|backup| Some(Suspicious { ahead_seconds: backup.ahead_seconds(now)?, file: backup.file })),
        backup_error,
    };
    Ok(Response::json(200, &status))
}

fn recorded<P: Platform>(platform: &P, now_ms: i64) -> Result<Recorded, String> {
    let catalog = Catalog::open(platform)?;
    Ok(Recorded {
        last: catalog.last_backup(now_ms)?,
        ahead: catalog.backup_ahead(now_ms)?,
        replicas: catalog.replicas()?,
        last_rehearsals: catalog.last_rehearsals()?.into_iter().map(RehearsalView::from).collect(),
        last_drill: catalog.drills(1)?.pop().map(DrillView::from),
        restore_running: catalog.restore()?.as_ref().is_some_and(Restore::is_running),
    })
}
