//! `GET /recovery`: all that the dashboard shows, and the verdict.
//!
//! It always answers 200: its purpose is to report what is broken.

use catalog::verdict::{Commands, Evidence, Record, Verdict, judge};
use catalog::{Backup, Drill, Lag, Rehearsal, Restore};
use serde::Serialize;

use crate::clock;
use crate::http::Response;
use crate::limits;
use crate::platform::Platform;
use crate::recovery::{
    BackupView, DrillView, ForecastView, LagView, RehearsalView, ReplicaState, RestoreView, VolumeView,
};
use crate::store::{self, Catalog, StoreError};

#[derive(Serialize)]
struct Recovery {
    now: String,
    verdict: Verdict,
    ready: bool,
    /// Why not.
    not_ready: Option<String>,
    events: Option<i64>,
    database_bytes: Option<i64>,
    /// Why the catalog cannot be read; then the fields below are unknown.
    catalog_error: Option<String>,
    backups: Vec<BackupView>,
    /// What SQLite's checks say of the newest good backup that is no damage.
    warnings: Vec<String>,
    replicas: Vec<ReplicaState>,
    rehearsals: Vec<RehearsalView>,
    drills: Vec<DrillView>,
    restore: Option<RestoreView>,
    restores: Vec<RestoreView>,
    safety_copies: Vec<BackupView>,
    volumes: Vec<VolumeView>,
    forecast: Option<ForecastView>,
    lags: Vec<LagView>,
    commands: Commands,
}

/// What the catalog says; where there is none, nothing.
#[derive(Default)]
struct Recorded {
    record: Record,
    backups: Vec<Backup>,
    warnings: Vec<String>,
    rehearsals: Vec<Rehearsal>,
    drills: Vec<Drill>,
    restores: Vec<Restore>,
    safety_copies: Vec<Backup>,
    lags: Vec<Lag>,
}

/// `GET /recovery`.
pub(crate) fn recovery<P: Platform>(platform: &P) -> Response {
    let look = store::look(platform);
    let now_ms = platform.now_ms();
    let now = clock::instant(now_ms);
    let (recorded, catalog_error) = match recorded(platform, now_ms) {
        Ok(recorded) => (recorded, None),
        Err(why) => (Recorded::default(), Some(why)),
    };
    let Recorded { record, backups, warnings, rehearsals, drills, restores, safety_copies, lags } = recorded;
    let commands = Commands::new(&record.volumes);
    let verdict = judge(&Evidence {
        now,
        not_ready: look.as_ref().err().map(|why| (page(why), why.to_string())),
        record: catalog_error.as_deref().map_or(Ok(&record), Err),
    });
    let recovery = Recovery {
        now: clock::written(now),
        verdict,
        ready: look.is_ok(),
        not_ready: look.as_ref().err().map(ToString::to_string),
        events: look.as_ref().ok().map(|(events, _)| *events),
        database_bytes: look.as_ref().ok().map(|(_, bytes)| *bytes),
        catalog_error,
        backups: backups.into_iter().map(|backup| BackupView::new(backup, now)).collect(),
        warnings,
        replicas: record.replicas.into_iter().map(|replica| ReplicaState::new(replica, now)).collect(),
        rehearsals: rehearsals.into_iter().map(RehearsalView::from).collect(),
        drills: drills.into_iter().map(DrillView::from).collect(),
        restore: record.restore.map(RestoreView::from),
        restores: restores.into_iter().map(RestoreView::from).collect(),
        safety_copies: safety_copies.into_iter().map(|backup| BackupView::new(backup, now)).collect(),
        volumes: record.volumes.into_iter().map(VolumeView::from).collect(),
        forecast: record.forecast.map(ForecastView::from),
        lags: lags.into_iter().map(LagView::from).collect(),
        commands,
    };
    Response::json(200, &recovery)
}

fn recorded<P: Platform>(platform: &P, now_ms: i64) -> Result<Recorded, String> {
    let catalog = Catalog::open(platform)?;
    let backups = catalog.backups(limits::RECOVERY_BACKUPS)?;
    let record = Record {
        newest: backups.first().cloned(),
        newest_good: catalog.last_backup(now_ms)?,
        ahead: catalog.backup_ahead(now_ms)?,
        replicas: catalog.replicas()?,
        rehearsals: catalog.last_rehearsals()?,
        good_rehearsal: catalog.last_good_rehearsals()?.into_iter().max_by_key(|rehearsal| rehearsal.at),
        restore: catalog.restore()?,
        volumes: catalog.volumes()?,
        forecast: catalog.forecast()?,
    };
    Ok(Recorded {
        record,
        backups,
        warnings: catalog.last_warnings(now_ms)?,
        rehearsals: catalog.rehearsals(limits::RECOVERY_REHEARSALS)?,
        drills: catalog.drills(limits::RECOVERY_DRILLS)?,
        restores: catalog.restores(limits::RECOVERY_RESTORES)?,
        safety_copies: catalog.safety_copies(limits::RECOVERY_RESTORES)?,
        lags: catalog.lags(limits::RECOVERY_LAGS)?,
    })
}

/// The page of the runbook for a database that cannot serve.
fn page(why: &StoreError) -> &'static str {
    match why {
        StoreError::BackupsExist => "volume-lost",
        StoreError::Failing(_) => "database-damaged",
        StoreError::Uninitialised | StoreError::CatalogUnreadable(_) | StoreError::Busy => "application-not-ready",
    }
}
