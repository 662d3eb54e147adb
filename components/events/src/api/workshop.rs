//! The workshop's routes that read, with its JSON: the same keys in the same order.

use serde::Serialize;
use serde_json::json;

use super::Answer;
use crate::clock;
use crate::http::Response;
use crate::platform::Platform;
use crate::store;

/// `GET /`.
pub(crate) fn home() -> Response {
    Response::json(200, &json!({"status": "Bonjour tout le monde !"}))
}

/// `GET /count`.
pub(crate) fn count<P: Platform>(platform: &P) -> Answer {
    Ok(Response::json(200, &json!({"count": store::count(platform)?})))
}

/// `GET /consultation`: the last events, newest first.
pub(crate) fn consultation<P: Platform>(platform: &P) -> Answer {
    Ok(Response::json(200, &store::latest(platform)?))
}

/// The body of `/status`: the workshop's three keys, then ours.
#[derive(Serialize)]
struct Status {
    count: i64,
    last_backup_file: Option<String>,
    backup_age_seconds: Option<i64>,
    last_backup_at: Option<String>,
    /// Only where the catalog cannot be read, and so nobody knows of any backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_error: Option<String>,
}

/// `GET /status`: how many events, and how old the newest good backup is.
pub(crate) fn status<P: Platform>(platform: &P) -> Answer {
    let count = store::count(platform)?;
    let (last, backup_error) = match store::last_backup(platform) {
        Ok(last) => (last, None),
        Err(why) => (None, Some(why)),
    };
    let now_ms = platform.now_ms();
    let status = Status {
        count,
        backup_age_seconds: last.as_ref().map(|backup| clock::age_seconds(now_ms, backup.created_at_ms)),
        last_backup_at: last.as_ref().map(|backup| clock::rfc3339(backup.created_at_ms)),
        last_backup_file: last.map(|backup| backup.file),
        backup_error,
    };
    Ok(Response::json(200, &status))
}
