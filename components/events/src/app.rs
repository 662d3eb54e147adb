//! The steps of a request: route, method, token, body, handler.

use crate::api;
use crate::body::Received;
use crate::http::{Method, Problem, Request, Response, Route, json_body, same_site};
use crate::idempotency;
use crate::limits;
use crate::openapi;
use crate::platform::Platform;
use crate::runbook;

/// The result of the head of a request.
#[derive(Debug)]
pub enum Step {
    /// The answer. The body, if there is one, need not be read.
    Answer(Response),
    /// The body is wanted.
    Body(Upload),
}

/// A request that may go on, and what has arrived of its body.
#[derive(Debug)]
pub struct Upload {
    key: Option<String>,
    received: Received,
}

impl Upload {
    /// Adds a piece of the body.
    ///
    /// # Errors
    /// The answer, 413, as soon as it is too large. The rest need not be read.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Box<Response>> {
        self.received.push(piece).map_err(|_too_large| Box::new(too_large().into()))
    }

    /// Answers, once the body has arrived.
    pub fn finish<P: Platform>(self, platform: &P) -> Response {
        api::append(platform, self.key, self.received.bytes()).unwrap_or_else(Response::from)
    }

    /// The answer where the body has not arrived.
    #[must_use]
    pub fn cut_off(self) -> Response {
        Problem::bad_request("bad-body", "the body was cut off, or could not be read").into()
    }
}

/// Checks the head of a request, and answers it if no body is needed.
pub fn begin<P: Platform>(platform: &P, request: &Request) -> Step {
    route(platform, request).unwrap_or_else(|problem| Step::Answer(problem.into()))
}

fn route<P: Platform>(platform: &P, request: &Request) -> Result<Step, Problem> {
    let route = Route::find(request.path())?;
    let method = route.method(&request.method)?;
    let response = match (route, method) {
        (Route::Events, Method::Post) => return upload(platform, request).map(Step::Body),
        (Route::Add, _) => {
            same_site(request)?;
            api::authorise(platform, request)?;
            api::add(platform, request)?
        }
        (Route::Home, _) => api::home(request),
        (Route::Health, _) => api::health(),
        (Route::Ready, _) => api::ready(platform)?,
        (Route::Count, _) => api::count(platform)?,
        (Route::Consultation, _) => api::consultation(platform)?,
        (Route::Status, _) => api::status(platform)?,
        (Route::Recovery, _) => api::recovery(platform),
        (Route::Metrics, _) => api::metrics(platform),
        (Route::Events, Method::Get) => api::list(platform, request)?,
        (Route::Event(id), _) => api::one(platform, &id)?,
        (Route::Runbook(page), _) => runbook::page(&page)?,
        (Route::OpenApi, _) => Response::text(200, "application/json", openapi::DOCUMENT.as_bytes().to_vec()),
    };
    Ok(Step::Answer(response))
}

/// Refuse before the body is read if possible.
fn upload<P: Platform>(platform: &P, request: &Request) -> Result<Upload, Problem> {
    same_site(request)?;
    api::authorise(platform, request)?;
    json_body(request)?;
    let key = idempotency::read_header(&request.header_values("idempotency-key"))
        .map_err(|why| Problem::bad_request("bad-idempotency-key", why))?;
    let fits = |length| usize::try_from(length).is_ok_and(|length| length <= limits::BODY_BYTES);
    if request.content_length().is_some_and(|length| !fits(length)) {
        return Err(too_large());
    }
    Ok(Upload { key, received: Received::default() })
}

fn too_large() -> Problem {
    Problem::new(413, "body-too-large", format!("a body has at most {} bytes", limits::BODY_BYTES))
}
