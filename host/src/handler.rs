//! One request, from the router to the guest's answer.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout_at;
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::app::{App, Component};
use crate::body::{Body, Outcome, text};
use crate::state::State;

type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// Runs a new instance of the component on the request. What goes wrong is logged here and answered in few words.
pub(crate) async fn run(app: &App, component: &Arc<Component>, request: Request<Incoming>) -> Response<Body> {
    let deadline = Instant::now() + component.limits.time;
    let Ok(Ok(slot)) = timeout_at(deadline.into(), app.slots.clone().acquire_owned()).await else {
        return Failure::OutOfTime("waiting for its turn").answer(component);
    };
    let (sender, mut receiver) = oneshot::channel();
    let outcome = Outcome::default();
    let call = call(component.clone(), request, sender, deadline, outcome.clone());
    let mut guest = Box::pin(async move {
        let result = timeout_at(deadline.into(), call).await;
        drop(slot);
        match result {
            Ok(result) => result.map_err(Failure::Guest),
            Err(_) => Err(Failure::OutOfTime("running")),
        }
    });
    // The guest first: most answers are whole when it ends, and need neither a task nor a wake-up of their own.
    let answer = tokio::select! {
        biased;
        result = &mut guest => match result {
            Ok(()) => receiver.try_recv().ok(),
            Err(failure) => return failure.answer(component),
        },
        answer = &mut receiver => {
            let component = component.clone();
            tokio::spawn(async move {
                if let Err(failure) = guest.await {
                    failure.log(&component);
                }
            });
            answer.ok()
        }
    };
    match answer {
        Some(Ok(response)) => response.map(|body| Body::of_guest(body, outcome)),
        Some(Err(code)) => Failure::Guest(anyhow!("the guest answered with an error: {code:?}")).answer(component),
        None => Failure::Guest(anyhow!("the guest ended without an answer")).answer(component),
    }
}

async fn call(
    component: Arc<Component>,
    request: Request<Incoming>,
    sender: oneshot::Sender<Answer>,
    deadline: Instant,
    outcome: Outcome,
) -> Result<()> {
    let pre = component.pre.clone();
    let mut store = Store::new(pre.engine(), State::new(component, deadline)?);
    store.limiter(|state| &mut state.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    // Dropped before the store, and so before the body's other end: who reads the body then knows how it ended.
    let unfinished = outcome.unfinished();
    let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
    let answer = store.data_mut().http().new_response_outparam(sender)?;
    let result = match pre.instantiate_async(&mut store).await {
        Ok(guest) => guest.wasi_http_incoming_handler().call_handle(&mut store, request, answer).await,
        Err(error) => Err(error),
    };
    match result.map_err(anyhow::Error::from) {
        Ok(()) => {
            unfinished.done();
            Ok(())
        }
        Err(error) if store.data().memory.reached => {
            let bytes = store.data().component.limits.memory_bytes;
            Err(error).with_context(|| format!("the memory limit of {bytes} bytes was reached"))
        }
        Err(error) => Err(error),
    }
}

/// Why there is no answer, or no whole one.
enum Failure {
    Guest(anyhow::Error),
    OutOfTime(&'static str),
}

impl Failure {
    fn log(&self, component: &Component) {
        let id = &component.id;
        match self {
            Self::Guest(error) => tracing::error!("component {id} failed: {}", one_line(error)),
            Self::OutOfTime(doing) => {
                tracing::error!("component {id} failed: {} s were over while {doing}", component.limits.time.as_secs());
            }
        }
    }

    fn answer(self, component: &Component) -> Response<Body> {
        self.log(component);
        match self {
            Self::Guest(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the component failed\n"),
            Self::OutOfTime(_) => text(StatusCode::GATEWAY_TIMEOUT, "the component took too long\n"),
        }
    }
}

/// The whole chain without line breaks: a trap's own text has a backtrace, and a log has lines.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
