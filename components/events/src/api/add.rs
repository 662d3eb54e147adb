//! `GET /add`: the workshop's way to write. It writes on GET because the workshop's `curl` does.

use std::borrow::Cow;

use serde::Serialize;

use super::Answer;
use super::events::{key_reused, replayed};
use crate::body;
use crate::http::{Problem, Query, Request, Response};
use crate::idempotency::{self, Key};
use crate::limits;
use crate::platform::Platform;
use crate::store::{self, Outcome};

const MESSAGE_DEFAULT: &str = "hello";

#[derive(Serialize)]
struct Added<'a> {
    status: &'static str,
    timestamp: &'a str,
    message: &'a str,
}

/// Adds the event of `?message=`.
pub(crate) fn add<P: Platform>(platform: &P, request: &Request) -> Answer {
    let key = idempotency::read_header(&request.header_values("idempotency-key"))
        .map_err(|why| Problem::bad_request("bad-idempotency-key", why))?;
    let given = Query::new(request.query()).get("message")?;
    let message = given.unwrap_or_else(|| MESSAGE_DEFAULT.to_owned());
    let most = limits::URL_MESSAGE_CHARACTERS;
    if !body::is_within(&message, most) {
        let detail = format!("a message has at most {most} characters here; POST /events takes longer ones");
        return Err(Problem::unprocessable("message-too-long", detail));
    }
    let key = key.map(|name| Key::new(name, "GET /add", message.as_bytes()));
    let (appended, first) = match store::append(platform, &[Cow::Borrowed(message.as_str())], key.as_ref())? {
        Outcome::Added(appended) => (appended, true),
        Outcome::Replayed(appended) => (appended, false),
        Outcome::KeyReused => return Err(key_reused()),
    };
    let added = Added { status: "added", timestamp: &appended.timestamp, message: &message };
    let response = Response::json(200, &added);
    Ok(if first { response } else { replayed(response) })
}
