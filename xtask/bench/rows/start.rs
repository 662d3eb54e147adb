//! What `host` costs before and around a request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Bench;
use crate::http::{self, Client};
use crate::load::Load;
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::Files;
use crate::process::Server;
use crate::report::{Group, Metric};
use crate::{seed, static_server};

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let folder = bench.project.scratch.folder("start")?;
    let files = Files::below(&folder)?;
    seed::application(&bench.project.schema, &files.database, 10)?;
    let workshop = folder.join("flask.db");
    seed::workshop(&workshop, 10)?;

    let ours = || files.host(&bench.project);
    let flask = || bench.flask.serve(&workshop);
    let sides: [(Side, &'static str, Start<'_>); 3] = [
        (Side::Ours, "host", &ours),
        (Side::Peer, "Flask", &flask),
        (Side::Limit, static_server::NAME, &static_server::start),
    ];
    let sides: Vec<_> = sides.into_iter().filter(|(side, ..)| bench.options.runs(*side)).collect();
    Ok(vec![cold_start(bench, &sides)?, one_request(bench, &sides)?])
}

type Start<'a> = &'a dyn Fn() -> Result<Server>;

/// From the exec to the first answer; what the first start ever leaves behind is there.
fn cold_start(bench: &Bench<'_>, sides: &[(Side, &str, Start<'_>)]) -> Result<Group> {
    for (.., start) in sides {
        first_answer(*start)?;
    }
    let contender = |(side, name, start): &(Side, &str, _)| {
        let start: Start<'_> = *start;
        Contender::new(*side, *name, move || {
            Ok(Sample::from([("first_answer_ms", first_answer(start)?.as_secs_f64() * 1000.0)]))
        })
    };
    let title = "cold start to the first answer";
    // A start is short: more of them cost little and say more.
    let series = take_turns(title, sides.iter().map(contender).collect(), bench.options.turns() * 3)?;
    Ok(Group::new(title, series, &[Metric::lower("first_answer_ms", "ms")]))
}

fn first_answer(start: Start<'_>) -> Result<Duration> {
    let begin = Instant::now();
    let server = start()?;
    let status = Client::new(server.address).exchange(&http::get("/health"))?;
    ensure!(status == 200, "the first answer is {status}");
    Ok(begin.elapsed())
}

/// A request that does nothing: all of it is the server's own.
fn one_request(bench: &Bench<'_>, sides: &[(Side, &'static str, Start<'_>)]) -> Result<Group> {
    let mut servers = Vec::new();
    for (side, name, start) in sides {
        servers.push((*side, *name, start()?));
    }
    let contender = |(side, name, server): &(Side, &'static str, Server)| {
        let address = server.address;
        Contender::new(*side, *name, move || alone_and_crowded(bench, address))
    };
    let title = "GET /health";
    let series = take_turns(title, servers.iter().map(contender).collect(), bench.options.turns())?;
    let metrics =
        [Metric::lower("one_client_p50_ms", "ms"), Metric::higher("per_second", "1/s"), Metric::lower("p99_ms", "ms")];
    Ok(Group::new(title, series, &metrics))
}

fn alone_and_crowded(bench: &Bench<'_>, address: SocketAddr) -> Result<Sample> {
    let request = &http::get("/health");
    let load = |clients| Load { address, clients, request }.run(bench.options.duration());
    let alone = load(1)?.sample(1);
    let mut sample = load(bench.options.clients)?.sample(1);
    if let Some(p50) = alone.get("p50_ms") {
        sample.insert("one_client_p50_ms", *p50);
    }
    Ok(sample)
}
