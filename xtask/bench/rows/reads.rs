//! Reads a second, on a small table and on a large one.

use anyhow::Result;

use super::Bench;
use super::trio::{LOAD_METRICS, Trio, Work, under_load};
use crate::http;
use crate::measure::{Contender, Side, take_turns};
use crate::report::{Group, Metric};

const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;

const COUNT: &str = "SELECT events FROM event_count WHERE id = 1";
const NEWEST: &str = "SELECT id, timestamp, message FROM events ORDER BY id DESC LIMIT 50";
const OLDEST: &str = "SELECT id, timestamp, message FROM events ORDER BY id LIMIT 50";

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let small = Trio::start(bench, "reads-small", SMALL)?;
    let mut groups = vec![
        read(bench, &small, "GET /count, 1,000 events", "/count", COUNT)?,
        read(bench, &small, "GET /consultation", "/consultation", NEWEST)?,
        read(bench, &small, "GET /events?limit=50", "/events?limit=50", OLDEST)?,
    ];
    let large = Trio::start(bench, "reads-large", LARGE)?;
    groups.push(read(bench, &large, "GET /count, 1,000,000 events", "/count", COUNT)?);
    groups.extend(large_beside_small(bench, &large, &small)?);
    Ok(groups)
}

fn read(bench: &Bench<'_>, trio: &Trio, title: &str, path: &str, query: &str) -> Result<Group> {
    let bare = |bare: &crate::bare::Bare| bare.reads(bench.options.duration(), query);
    let work = Work { title, request: http::get(path), each: 1, bare: &bare };
    Ok(Group::new(title, trio.compare(bench, &work)?, &LOAD_METRICS))
}

/// Counting must not depend on how much there is to count.
fn large_beside_small(bench: &Bench<'_>, large: &Trio, small: &Trio) -> Result<Option<Group>> {
    let (Some(large), Some(small)) = (&large.ours, &small.ours) else { return Ok(None) };
    let title = "GET /count, 1,000,000 beside 1,000 events";
    let request = http::get("/count");
    let count = |side, name, address| {
        let request = &request;
        Contender::new(side, name, move || under_load(bench, address, request, 1))
    };
    let contenders = vec![
        count(Side::Ours, "1,000,000 events", large.server.address),
        count(Side::Peer, "1,000 events", small.server.address),
    ];
    let series = take_turns(title, contenders, bench.options.turns())?;
    Ok(Some(Group::new(title, series, &[Metric::higher("per_second", "1/s")])))
}
