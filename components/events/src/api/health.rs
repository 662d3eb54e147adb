//! `/health`, which asks nobody, and `/ready`, which asks the database.

use serde_json::json;

use super::Answer;
use crate::http::Response;
use crate::platform::Platform;
use crate::store;

/// `GET /health`: the process answers. It does not touch the database: restarting us would not mend it.
pub(crate) fn health() -> Response {
    Response::json(200, &json!({"status": "ok"}))
}

/// `GET /ready`: the database is initialised and can be read; else 503 with the reason.
pub(crate) fn ready<P: Platform>(platform: &P) -> Answer {
    store::probe(platform)?;
    Ok(Response::json(200, &json!({"status": "ready"})))
}
