//! The workshop's routes that read, with its JSON: the same keys in the same order.

use serde_json::json;

use super::Answer;
use crate::http::Response;
use crate::platform::Platform;
use crate::store;

/// `GET /count`.
pub(crate) fn count<P: Platform>(platform: &P) -> Answer {
    Ok(Response::json(200, &json!({"count": store::count(platform)?})))
}

/// `GET /consultation`: the last events, newest first.
pub(crate) fn consultation<P: Platform>(platform: &P) -> Answer {
    Ok(Response::json(200, &store::latest(platform)?))
}
