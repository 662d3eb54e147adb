//! Events written a second, one and a thousand a request.

use anyhow::Result;

use super::Bench;
use super::trio::{LOAD_METRICS, Trio, Work};
use crate::http;
use crate::report::Group;

/// Events that are there before.
const EVENTS: u64 = 1_000;

/// Events of one batch.
const BATCH: u32 = 1_000;

pub(crate) fn single(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let trio = Trio::start(bench, "single-writes", EVENTS)?;
    let title = "GET /add";
    let work = Work {
        title,
        request: http::get("/add?message=hello"),
        each: 1,
        bare: &|bare| bare.single_writes(bench.options.duration()),
    };
    Ok(vec![Group::new(title, trio.compare(bench, &work)?, &LOAD_METRICS)])
}

pub(crate) fn batch(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let trio = Trio::start(bench, "batch-writes", EVENTS)?;
    let title = "POST /events, 1,000 a request";
    let work = Work {
        title,
        request: http::post_json("/events", &batch_body()?),
        each: BATCH,
        bare: &|bare| bare.batch_writes(bench.options.duration(), BATCH),
    };
    Ok(vec![Group::new(title, trio.compare(bench, &work)?, &LOAD_METRICS)])
}

fn batch_body() -> Result<String> {
    let event = |number| serde_json::json!({ "message": format!("event {number} of a batch") });
    Ok(serde_json::to_string(&(0..BATCH).map(event).collect::<Vec<_>>())?)
}
