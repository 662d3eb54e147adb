//! `/health`, which asks nothing, and `/ready`, which asks the database.

use catalog::Place;
use catalog::thresholds::BACKUP_OLD;
use jiff::SignedDuration;
use serde_json::json;

use super::Answer;
use crate::clock;
use crate::http::{Problem, Response};
use crate::platform::Platform;
use crate::store::{self, Catalog};

/// How long a report about a volume is valid: no longer than until backups count as late.
const BELIEVED: SignedDuration = SignedDuration::from_secs(BACKUP_OLD.as_secs().cast_signed());
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
    let now = clock::instant(platform.now_ms());
    let is_believed = |at| now.duration_since(at) < BELIEVED;
    if volumes.iter().any(|one| one.place == Place::Data && one.is_full() && is_believed(one.at)) {
        return Err(Problem::unavailable("volume-full", "the data volume is full: writes fail", RETRY));
    }
    Ok(Response::json(200, &json!({"status": "ready"})))
}
