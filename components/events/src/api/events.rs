//! `/events`: adding with POST, and reading pages or one.

use serde::Serialize;

use super::Answer;
use crate::body::{self, BadBody};
use crate::cursor::Cursor;
use crate::http::{Problem, Query, Request, Response};
use crate::idempotency::Key;
use crate::limits;
use crate::platform::Platform;
use crate::store::{self, Event, Order, Outcome, Page, PageRequest};

#[derive(Serialize)]
struct Added<'a> {
    ids: &'a [i64],
    timestamp: &'a str,
}

/// `POST /events`: adds every event of the body, or none.
pub(crate) fn append<P: Platform>(platform: &P, key: Option<String>, body: &[u8]) -> Answer {
    let messages = body::messages(body).map_err(|bad| match bad {
        BadBody::Syntax(why) => Problem::bad_request("bad-body", why),
        BadBody::Content(why) => Problem::unprocessable("bad-event", why),
    })?;
    let key = key.map(|name| Key::new(name, "POST /events", body));
    let (appended, first) = match store::append(platform, &messages, key.as_ref())? {
        Outcome::Added(appended) => (appended, true),
        Outcome::Replayed(appended) => (appended, false),
        Outcome::KeyReused => return Err(key_reused()),
    };
    let mut response = Response::json(201, &Added { ids: &appended.ids, timestamp: &appended.timestamp });
    if let Some(id) = appended.ids.first() {
        response = response.with_header("location", format!("/events/{id}"));
    }
    Ok(if first { response } else { replayed(response) })
}

/// Marks an answer that has been given before.
pub(super) fn replayed(response: Response) -> Response {
    response.with_header("idempotent-replayed", "true".to_owned())
}

/// 422: a key that was used for another request.
pub(super) fn key_reused() -> Problem {
    Problem::unprocessable("idempotency-key-reused", "this Idempotency-Key was used for another request")
}

/// `GET /events/{id}`.
pub(crate) fn one<P: Platform>(platform: &P, id: &str) -> Answer {
    let event = match id.parse() {
        Ok(id) => store::event(platform, id)?,
        // A value that is not a number is no event's id.
        Err(_not_a_number) => None,
    };
    match event {
        Some(event) => Ok(Response::json(200, &event)),
        None => Err(Problem::new(404, "no-such-event", "there is no event with this id")),
    }
}

#[derive(Serialize)]
struct PageBody<'a> {
    events: &'a [Event],
    /// Gives the page after this one; null where nothing more is there now.
    next: Option<String>,
    /// Points at the last event of this page: what is kept to go on later. Null where the page is empty.
    last: Option<String>,
}

/// `GET /events`: a page.
pub(crate) fn list<P: Platform>(platform: &P, request: &Request) -> Answer {
    let wanted = page_request(Query::new(request.query()))?;
    match store::page(platform, wanted)? {
        Page::Gone => Err(Problem::new(
            410,
            "cursor-gone",
            "the event that this cursor points at is not the same any more (the data was restored): start anew",
        )),
        Page::Events { events, more } => {
            let last = events.last().map(|event| Cursor::at(event.id, &event.timestamp).encode());
            let next = last.clone().filter(|_| more);
            Ok(Response::json(200, &PageBody { events: &events, next, last }))
        }
    }
}

fn page_request(query: Query<'_>) -> Result<PageRequest, Problem> {
    let bad = |what: String| Problem::bad_request("bad-parameter", what);
    let most = limits::PAGE_EVENTS_MAX;
    let limit = match query.get("limit")? {
        None => limits::PAGE_EVENTS_DEFAULT,
        Some(text) => match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => limit,
            _ => return Err(bad(format!("the parameter 'limit' is a number from 1 to {most}"))),
        },
    };
    let order = match query.get("order")?.as_deref() {
        None | Some("asc") => Order::Ascending,
        Some("desc") => Order::Descending,
        Some(_) => return Err(bad("the parameter 'order' is 'asc' or 'desc'".to_owned())),
    };
    let after = match query.get("after")? {
        None => None,
        Some(text) => match Cursor::decode(&text) {
            Some(cursor) => Some(cursor),
            None => return Err(bad("the parameter 'after' is no cursor of ours".to_owned())),
        },
    };
    Ok(PageRequest { after, limit, order })
}
