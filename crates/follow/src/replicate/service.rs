//! Runs it all: the checkpointer with the engine on this thread, the stores' workers on a runtime of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::rights::Rights;
use disk::{clock, home, lock};
use pra_core::latest::Latest;
use pra_core::{Code, Error, Result};
use store::encryption::Recipients;
use store::objects::{Store, StoreOptions};
use store::url::ReplicaUrl;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::engine::{self, Engine};
use super::health::Health;
use super::levels::{self, Level};
use super::outbox::Outbox;
use super::publish::Publisher;
use super::sent::Ledger;
use super::watch::Watch;
use super::worker::{Identity, Takeover, Worker};
use super::{StoreHealth, exporter, tidy};
use crate::checkpointer;

/// How long the stores may take for what is left, when asked to stop.
const LAST_UPLOADS: Duration = Duration::from_secs(10);

/// What to follow, and where to.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the checkpointer does.
    pub checkpointer: checkpointer::Options,
    /// The backup folder, whose catalog is told how the replicas are.
    pub backups: PathBuf,
    /// Where Prometheus can ask, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// The stores.
    pub replicas: Vec<ReplicaUrl>,
    /// How they are used.
    pub store: StoreOptions,
    /// Time between two syncs.
    pub sync_interval: Duration,
    /// The recipients that files are encrypted to; `None`: not encrypted.
    pub recipients: Option<Recipients>,
    /// Bytes of staged files above which a store that lags loses its place.
    pub staging_limit: u64,
    /// Intervals of levels 1 to 3, and of snapshots.
    pub levels: [Duration; 4],
    /// What stays in the stores.
    pub retention: store::retention::Retention,
    /// Time between two looks at what may go.
    pub tidy_every: Duration,
    /// Takes the place of another writer, with a new epoch, where a store refuses this one.
    pub takeover: bool,
    /// Begins a new epoch at the start, whatever the stores say.
    pub new_epoch: bool,
    /// Prints a line for each store that is reached.
    pub announce: bool,
    /// Who writes, besides a random name: the namespace's and the volume's UIDs, where there are any.
    pub namespace_uid: Option<String>,
    /// As above.
    pub volume_uid: Option<String>,
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Report {
    /// The checkpointer's part.
    pub checkpointer: checkpointer::Stats,
    /// The engine's.
    pub engine: engine::Stats,
    /// Each store at the end.
    pub stores: Vec<StoreHealth>,
}

/// Follows the database until `stop` is set; with [`checkpointer::Options::once`], until every store has its present state.
/// Without stores it is only kept.
///
/// # Errors
/// [`Code::Busy`] where another writer has the replica, or another process replicates the database; [`Code::Usage`] where a store cannot be used as it is
/// configured; with `once`, [`Code::OutOfReach`] where not all stores have all.
pub fn run(options: &Options, stop: &Arc<AtomicBool>) -> Result<Report> {
    if options.checkpointer.once && !options.replicas.is_empty() {
        require_database(&options.checkpointer.database)?;
    }
    // Before any state is read. Who feeds no store has none.
    let has_stores = !options.replicas.is_empty();
    let alone = has_stores.then(|| lock::replicator(&options.checkpointer.database)).transpose()?.map(Arc::new);
    let health = Arc::new(Health::new(options.replicas.iter().map(ToString::to_string), options.announce));
    let outbox = Arc::new(Outbox::new(options.replicas.len(), options.staging_limit));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Failed, "failed to start the threads for the stores").because(e))?;
    let (ended, workers_stop) = watch::channel(false);
    let lost = Arc::new(AtomicBool::new(false));
    let gauges: Arc<Latest<engine::Stats>> = Arc::default();
    let clock: Arc<Latest<clock::Steps>> = Arc::default();
    let watch = Arc::new(Watch {
        database: options.checkpointer.database.clone(),
        backups: options.backups.clone(),
        checkpointer: Arc::clone(&options.checkpointer.gauges),
        engine: Arc::clone(&gauges),
        health: Arc::clone(&health),
        outbox: Arc::clone(&outbox),
        clock: Arc::clone(&clock),
        encrypted: options.recipients.is_some(),
    });
    if let Some(address) = options.metrics {
        let listener = runtime.block_on(exporter::bind(address))?;
        runtime.spawn(exporter::serve(listener, Arc::clone(&watch)));
    }
    outbox.ask_first();
    let workers = start(options, &runtime, &outbox, &health, &clock, &workers_stop, [stop, &lost])?;
    let publisher = Publisher::start(watch);
    let mut engine = Engine::new(engine_options(options, alone)?, Arc::clone(&outbox), Arc::clone(&gauges));
    let kept = if options.replicas.is_empty() {
        checkpointer::run(&options.checkpointer, stop)
    } else if options.checkpointer.once {
        std::thread::scope(|scope| {
            // A store may need files that are yet to be made: the engine works until none does.
            scope.spawn(|| {
                settle(&outbox, &health, Duration::MAX, stop, true);
                stop.store(true, Ordering::Relaxed);
            });
            let options = checkpointer::Options { once: false, gives_up: true, ..options.checkpointer.clone() };
            let kept = checkpointer::run_with(&options, stop, &mut engine);
            stop.store(true, Ordering::Relaxed);
            kept
        })
    } else {
        checkpointer::run_with(&options.checkpointer, stop, &mut engine)
    };
    if kept.is_ok() && outbox.positions().1 > 0 {
        settle(&outbox, &health, LAST_UPLOADS, &lost, options.checkpointer.once);
    }
    let settled = options.replicas.is_empty() || outbox.is_settled();
    if !settled && !options.checkpointer.once {
        if engine.is_current() {
            tracing::warn!(
                "not every replica has the last state: it is staged beside the database, and shipped at the next start"
            );
        } else {
            tracing::error!("what was written last is in no replica, and not staged: it is in the database alone");
        }
    }
    // If no worker listens any more, there is no receiver; that is fine.
    ended.send_replace(true);
    let worked = runtime.block_on(finish(workers));
    publisher.finish();
    let checkpointer = kept?;
    worked?;
    if !settled && !options.checkpointer.once && engine.is_in_trouble() {
        return Err(Error::new(
            Code::Failed,
            "what was written last is in no replica, and not staged: it is in the database alone",
        )
        .hint("the log says what blocks it: remove that and start it again"));
    }
    let stores = health.stores();
    if options.checkpointer.once && !settled {
        let behind: Vec<String> = stores.iter().filter_map(|store| store.trouble.clone()).collect();
        return Err(Error::new(Code::OutOfReach, "not every replica has the present state")
            .because(behind.join("; "))
            .hint("remove what blocks it, and run this again: nothing is lost"));
    }
    Ok(Report { checkpointer, engine: gauges.get(), stores })
}

fn engine_options(options: &Options, alone: Option<Arc<lock::Lock>>) -> Result<engine::Options> {
    let numbers = levels::DEFAULT.iter().map(|level| level.number);
    let levels = numbers.zip(options.levels).map(|(number, every)| Level { number, every }).collect();
    Ok(engine::Options {
        database: options.checkpointer.database.clone(),
        sync_interval: options.sync_interval,
        recipients: options.recipients.clone().map(Arc::new),
        levels,
        takeover: options.takeover,
        new_epoch: options.new_epoch,
        alone,
        ledgers: ledgers(options)?,
        once: options.checkpointer.once,
    })
}

/// What each store was sent.
fn ledgers(options: &Options) -> Result<Vec<Ledger>> {
    options.replicas.iter().map(|url| Ledger::new(&options.checkpointer.database, url)).collect()
}

fn identity(options: &Options) -> Result<Identity> {
    let Options { checkpointer, namespace_uid, volume_uid, .. } = options;
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    let database = checkpointer.database.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Identity {
        host: host.unwrap_or_default(),
        namespace_uid: namespace_uid.clone(),
        volume_uid: volume_uid.clone(),
        database: database.unwrap_or_default(),
        path: home::absolute(&checkpointer.database)?,
    })
}

type Workers = JoinSet<pra_core::Result<()>>;

fn start(
    options: &Options,
    runtime: &tokio::runtime::Runtime,
    outbox: &Arc<Outbox>,
    health: &Arc<Health>,
    clock: &Arc<Latest<clock::Steps>>,
    ended: &watch::Receiver<bool>,
    at_a_loss: [&Arc<AtomicBool>; 2],
) -> Result<Workers> {
    let database = &options.checkpointer.database;
    let rights = Rights::of(database).map_err(|e| Error::io("look at", database, e))?;
    let store = StoreOptions { rights: Some(rights), ..options.store.clone() };
    let mut workers = JoinSet::new();
    for (id, url) in options.replicas.iter().enumerate() {
        let worker = Worker {
            id,
            store: Store::open(url, &store)?,
            outbox: Arc::clone(outbox),
            health: Arc::clone(health),
            identity: identity(options)?,
            takeover: if options.takeover { Takeover::WhereRefused } else { Takeover::Never },
            database: options.checkpointer.database.clone(),
            ledger: Ledger::new(&options.checkpointer.database, url)?,
            tidy: tidy::Options { every: options.tidy_every, retention: options.retention, clock: Arc::clone(clock) },
            stop: ended.clone(),
        };
        let at_a_loss = at_a_loss.map(Arc::clone);
        workers.spawn_on(
            async move {
                let worked = worker.run().await;
                // One that has lost ends all: its error is the process's.
                if worked.is_err() {
                    at_a_loss.iter().for_each(|flag| flag.store(true, Ordering::Relaxed));
                }
                worked
            },
            runtime.handle(),
        );
    }
    Ok(workers)
}

fn require_database(database: &Path) -> Result<()> {
    match std::fs::metadata(database) {
        Ok(metadata) if metadata.len() > 0 => Ok(()),
        Ok(_) => {
            Err(Error::new(Code::Failed, format!("'{}' is empty: there is nothing to replicate", database.display()))
                .hint("`backup-job init` makes the database"))
        }
        Err(error) => Err(Error::io("look at", database, error)
            .hint("name the right one with --database, or let `backup-job init` restore or make it")),
    }
}

/// Waits until every store has everything or reports what blocks it, or the time is over.
fn settle(outbox: &Outbox, health: &Health, patience: Duration, stop: &AtomicBool, once: bool) {
    let begun = Instant::now();
    let is_hopeless = || {
        let (queues, txid) = outbox.positions();
        let lags = queues.iter().zip(health.stores()).filter(|(queue, _)| queue.position != Some(txid));
        // A store that has lost to another writer stops all.
        // Before the first look it is not known what is to be brought there.
        (outbox.has_looked() || !once) && lags.clone().count() > 0 && lags.clone().all(|(_, store)| store.is_away())
            || stop.load(Ordering::Relaxed)
    };
    while !outbox.is_settled() && begun.elapsed() < patience && !is_hopeless() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

async fn finish(mut workers: Workers) -> Result<()> {
    let mut first = Ok(());
    while let Some(worked) = workers.join_next().await {
        let worked = worked.map_err(|e| Error::new(Code::Failed, "a store's worker panicked").because(e))?;
        if let (Err(error), true) = (worked, first.is_ok()) {
            match error.code() {
                Code::Busy | Code::Usage => first = Err(error),
                // The lease could not be released: it expires.
                _ => tracing::warn!(error = error.chain(), "a replica could not be told that this is the end"),
            }
        }
    }
    first
}
