//! `/health`, which asks nothing, and `/ready`, which asks the database.

use serde_json::json;

use super::Answer;
use crate::http::{Problem, Response};
use crate::platform::Platform;
use crate::recovery::Volume;
use crate::store::{self, Catalog};

/// How long a report about a volume is valid: no longer than until backups count as late.
const BELIEVED_MS: i64 = pra_metrics::thresholds::BACKUP_OLD.cast_signed() * 1_000;
/// In seconds: an operator has to make room.
const RETRY: u32 = 5;

/// `GET /health`: the process answers. It does not touch the database: restarting us would not mend it.
pub(crate) fn health() -> Response {
    Response::json(200, &json!({"status": "ok"}))
}

/// `GET /ready`: the database is initialised and can be read, and as far as is known written; else 503 with the reason.
///
/// It is asked each second, and a write that shows a full volume costs a sync of the disk. So it uses the last report
/// of `backup-job` about the volume (each minute or more often) if that is not too old.
pub(crate) fn ready<P: Platform>(platform: &P) -> Answer {
    store::probe(platform)?;
    // An unreadable catalog is not a fault of the database.
    let volumes = Catalog::open(platform).and_then(|catalog| catalog.volumes()).unwrap_or_default();
    let believed_ms = platform.now_ms() - BELIEVED_MS;
    if volumes.iter().any(|one| one.volume == Volume::DATA && one.is_full() && one.at_ms > believed_ms) {
        return Err(Problem::unavailable("volume-full", "the data volume is full: writes fail", RETRY));
    }
    Ok(Response::json(200, &json!({"status": "ready"})))
}
