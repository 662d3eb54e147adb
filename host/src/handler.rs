//! One request, from the router to the guest's answer.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::app::{App, Component};
use crate::body::{Body, Outcome, text};
use crate::budget::Share;
use crate::connections::{Busy, Connection};
use crate::state::State;
use crate::upload::{self, Refused, Upload};

type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// Where a guest runs. It blocks the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the thread of its connection, which has no other.
    Here,
    /// On a thread of its own, since other connections share this one.
    Apart,
}

/// A request that has all that it needs: its body, and the right to an instance.
struct Admitted {
    component: Arc<Component>,
    request: Request<Upload>,
    slot: OwnedSemaphorePermit,
    busy: Busy,
    share: Share,
    deadline: Instant,
}

/// Runs a new instance of the component on the request. What goes wrong is logged here and answered in few words.
pub(crate) async fn run(
    app: &App,
    component: &Arc<Component>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    probe: bool,
    place: Place,
) -> Response<Body> {
    let admitted = match admit(app, component, connection, request, probe).await {
        Ok(admitted) => admitted,
        Err(failure) => return failure.answer(component),
    };
    if place == Place::Here {
        return guest(admitted).await.0;
    }
    match apart(admitted).await {
        Ok(response) => response,
        Err(error) => Failure::Guest(error).answer(component),
    }
}

async fn admit(
    app: &App,
    component: &Arc<Component>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    probe: bool,
) -> Result<Admitted, Failure> {
    let now = Instant::now();
    let limits = component.limits;
    let deadline = now + limits.time;
    let body_deadline = deadline.min(now + limits.body_time);
    let request = upload::receive(request, &app.bodies, body_deadline).await.map_err(Failure::Body)?;
    let slot = match app.slots.clone().try_acquire_owned() {
        Ok(slot) => slot,
        Err(_) => {
            let slots = if probe { &app.probe_slots } else { &app.slots };
            match timeout_at(deadline.into(), slots.clone().acquire_owned()).await {
                Ok(Ok(slot)) => slot,
                _ => return Err(Failure::OutOfTime("waiting for its turn")),
            }
        }
    };
    let busy = connection.works();
    Ok(Admitted { component: component.clone(), request, slot, busy, share: app.budget.share(), deadline })
}

/// Runs the guest on a thread that nothing else uses meanwhile.
async fn apart(admitted: Admitted) -> Result<Response<Body>> {
    let (sender, receiver) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!("failed to start a thread for a request: {error}"),
        };
        runtime.block_on(async {
            let (response, rest) = guest(admitted).await;
            // If the receiver is gone, the client has disconnected.
            drop(sender.send(response));
            if let Some(Err(error)) = match rest {
                Some(rest) => Some(rest.await),
                None => None,
            } {
                tracing::error!("a request ended early: {error}");
            }
        });
    });
    receiver.await.context("the thread of the request ended")
}

/// Runs the guest until it has answered, and gives what is still to be done for the body of the answer.
async fn guest(admitted: Admitted) -> (Response<Body>, Option<JoinHandle<()>>) {
    let Admitted { component, request, slot, busy, share, deadline } = admitted;
    let (sender, mut receiver) = oneshot::channel();
    let outcome = Outcome::default();
    let call = call(component.clone(), request, share, sender, deadline, outcome.clone());
    let mut guest = Box::pin(async move {
        let result = timeout_at(deadline.into(), call).await;
        drop((slot, busy));
        match result {
            Ok(result) => result,
            Err(_) => Err(Failure::OutOfTime("running")),
        }
    });
    let mut rest = None;
    // The guest first: most answers are whole when it ends, and need neither a task nor a wake-up of their own.
    let answer = tokio::select! {
        biased;
        result = &mut guest => match result {
            Ok(()) => receiver.try_recv().ok(),
            Err(failure) => return (failure.answer(&component), None),
        },
        answer = &mut receiver => {
            let component = component.clone();
            rest = Some(tokio::spawn(async move {
                if let Err(failure) = guest.await {
                    failure.log(&component);
                }
            }));
            answer.ok()
        }
    };
    let response = match answer {
        Some(Ok(response)) => response.map(|body| Body::of_guest(body, outcome)),
        Some(Err(code)) => Failure::Guest(anyhow!("the guest answered with an error: {code:?}")).answer(&component),
        None => Failure::Guest(anyhow!("the guest ended without an answer")).answer(&component),
    };
    (response, rest)
}

async fn call(
    component: Arc<Component>,
    request: Request<Upload>,
    share: Share,
    sender: oneshot::Sender<Answer>,
    deadline: Instant,
    outcome: Outcome,
) -> Result<(), Failure> {
    let pre = component.pre.clone();
    let state = State::new(component, share, deadline).map_err(Failure::Guest)?;
    let mut store = Store::new(pre.engine(), state);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    // Dropped before the store, and so before the body's other end: who reads the body then knows how it ended.
    let unfinished = outcome.unfinished();
    let result = handle(&mut store, &pre, request, sender).await;
    match result.map_err(anyhow::Error::from) {
        Ok(()) => {
            unfinished.done();
            Ok(())
        }
        Err(_) if store.data().memory.crowded => Err(Failure::Crowded),
        Err(error) if store.data().memory.reached => {
            let bytes = store.data().component.limits.memory_bytes;
            Err(Failure::Guest(error.context(format!("the memory limit of {bytes} bytes was reached"))))
        }
        Err(error) => Err(Failure::Guest(error)),
    }
}

async fn handle(
    store: &mut Store<State>,
    pre: &ProxyPre<State>,
    request: Request<Upload>,
    sender: oneshot::Sender<Answer>,
) -> wasmtime::Result<()> {
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let answer = store.data_mut().http().new_response_outparam(sender)?;
    let guest = pre.instantiate_async(&mut *store).await?;
    guest.wasi_http_incoming_handler().call_handle(store, request, answer).await
}

/// Why there is no answer, or no whole one.
enum Failure {
    Body(Refused),
    Crowded,
    Guest(anyhow::Error),
    OutOfTime(&'static str),
}

impl Failure {
    fn log(&self, component: &Component) {
        let id = &component.id;
        match self {
            // The client's own affair.
            Self::Body(Refused::TooLarge | Refused::TooSlow) => {}
            Self::Body(Refused::NoRoom) | Self::Crowded => {
                tracing::warn!("component {id}: too many large requests at once: see --max-shared-memory");
            }
            Self::Guest(error) => tracing::error!("component {id} failed: {}", one_line(error)),
            Self::OutOfTime(doing) => {
                tracing::error!("component {id} failed: {} s were over while {doing}", component.limits.time.as_secs());
            }
        }
    }

    fn answer(self, component: &Component) -> Response<Body> {
        self.log(component);
        let (status, words) = match self {
            Self::Body(refused) => refused.answer(),
            Self::Crowded => Refused::NoRoom.answer(),
            Self::Guest(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the component failed\n"),
            Self::OutOfTime(_) => (StatusCode::GATEWAY_TIMEOUT, "the component took too long\n"),
        };
        let mut response = text(status, words);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The whole chain without line breaks: a trap's own text has a backtrace, and a log has lines.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
