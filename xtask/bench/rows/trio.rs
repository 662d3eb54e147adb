//! The three sides of a request: `host` with the component, Flask, and SQLite alone.

use std::net::SocketAddr;

use anyhow::Result;

use super::Bench;
use crate::bare::{self, Bare};
use crate::load::Load;
use crate::measure::{Contender, Sample, Series, Side, take_turns};
use crate::ours::{Files, Ours};
use crate::process::Server;
use crate::report::Metric;
use crate::seed;

/// What a load tells of each side.
pub(crate) const LOAD_METRICS: [Metric; 5] = [
    Metric::higher("per_second", "1/s"),
    Metric::lower("p50_ms", "ms"),
    Metric::lower("p99_ms", "ms"),
    Metric::lower("max_ms", "ms"),
    Metric::lower("refused", "requests"),
];

/// Each on a database of its own, with as many events; none where the side was not asked for.
pub(crate) struct Trio {
    pub(crate) ours: Option<Ours>,
    pub(crate) flask: Option<Server>,
    bare: Option<Bare>,
}

/// The same work, said to each side.
pub(crate) struct Work<'a> {
    pub(crate) title: &'a str,
    pub(crate) request: Vec<u8>,
    /// Things that one request does.
    pub(crate) each: u32,
    pub(crate) bare: &'a dyn Fn(&Bare) -> Result<Sample>,
}

impl Trio {
    pub(crate) fn start(bench: &Bench<'_>, name: &str, events: u64) -> Result<Self> {
        let folder = bench.project.scratch.folder(name)?;
        let schema = &bench.project.schema;
        let mut trio = Self { ours: None, flask: None, bare: None };
        if bench.options.runs(Side::Ours) {
            let files = Files::below(&folder.join("ours"))?;
            seed::application(schema, &files.database, events)?;
            trio.ours = Some(files.serve(&bench.project)?);
        }
        if bench.options.runs(Side::Peer) {
            let database = folder.join("flask/app.db");
            seed::workshop(&database, events)?;
            trio.flask = Some(bench.flask.serve(&database)?);
        }
        if bench.options.runs(Side::Limit) {
            let database = folder.join("bare/app.db");
            seed::application(schema, &database, events)?;
            trio.bare = Some(Bare::new(database)?);
        }
        Ok(trio)
    }

    /// Each side does `work` in its turns.
    pub(crate) fn compare(&self, bench: &Bench<'_>, work: &Work<'_>) -> Result<Vec<Series>> {
        let served = |side, name, address| {
            Contender::new(side, name, move || under_load(bench, address, &work.request, work.each))
        };
        let ours = self.ours.as_ref().map(|ours| served(Side::Ours, "host", ours.server.address));
        let flask = self.flask.as_ref().map(|server| served(Side::Peer, "Flask", server.address));
        let bare = self.bare.as_ref().map(|bare| Contender::new(Side::Limit, bare::NAME, || (work.bare)(bare)));
        let contenders = [ours, flask, bare].into_iter().flatten().collect();
        take_turns(work.title, contenders, bench.options.turns())
    }
}

/// Loads a server with as many clients and for as long as the options say.
pub(crate) fn under_load(bench: &Bench<'_>, address: SocketAddr, request: &[u8], each: u32) -> Result<Sample> {
    let load = Load { address, clients: bench.options.clients, request };
    Ok(load.run(bench.options.duration())?.sample(each))
}
