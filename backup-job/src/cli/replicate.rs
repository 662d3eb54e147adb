use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use follow::checkpointer;
use follow::replicate::{self, StoreHealth};
use pra_core::{Code, Error, Result};
use serde::Serialize;

use super::args::{Backups, Database, Format, Output, Replicas, length, recipients};
use super::output::Answer;

/// Replicates the database to object storage, and checkpoints its WAL
///
/// Every change is in each replica within a second, encrypted if recipients are set. It holds the database open and
/// bounds its WAL, also without a replica: without this process nothing is lost, but single writes are slower and the
/// WAL grows. It closes the database while a restore replaces the file, and opens it again afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job replicate --database /data/app.db\n  \
    backup-job replicate --replica s3://bucket/events --replica file:///mnt/replica --recipient age1…")]
pub(super) struct Args {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    output: Output,
    /// Sync once to every replica, then end; without a replica, checkpoint the WAL once
    #[arg(long, env = "PRA_ONCE")]
    once: bool,
    /// Size of the WAL, in MiB, from which it is checkpointed
    #[arg(long, value_name = "MIB", env = "PRA_WAL_LIMIT_MIB", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    wal_limit_mib: u64,
    /// Time between two checks of the WAL
    #[arg(long, value_name = "TIME", env = "PRA_TICK", default_value = "250ms", value_parser = length)]
    tick: Duration,
    /// Serve metrics for Prometheus here, at /metrics, such as 0.0.0.0:9090
    #[arg(long, value_name = "ADDRESS", env = "PRA_METRICS_ADDR")]
    metrics_addr: Option<SocketAddr>,
    #[command(flatten)]
    replicas: Replicas,
    #[command(flatten)]
    shipping: Shipping,
}

/// What goes to the replicas, and what stays there.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Replicas")]
struct Shipping {
    /// Time between two syncs: the changes since the last one may be lost
    #[arg(long, value_name = "TIME", env = "PRA_SYNC_INTERVAL", default_value = "1s", value_parser = length)]
    sync_interval: Duration,
    /// A recipient that the files are encrypted to, as `backup-job keygen` prints it; may be given several times
    #[arg(long = "recipient", value_name = "AGE1…", env = "PRA_RECIPIENTS", value_delimiter = ',')]
    recipients: Vec<String>,
    /// Limit, in MiB, for files beside the database that wait for a store; above it, a store that lags gets one file
    /// with everything it has missed
    #[arg(long, value_name = "MIB", env = "PRA_STAGING_LIMIT_MIB", default_value_t = 1024)]
    staging_limit_mib: u64,
    /// Intervals of the compacted levels 1, 2 and 3
    #[arg(long, value_name = "TIME,TIME,TIME", env = "PRA_LEVELS", default_value = "30s,5m,1h", value_parser = length, value_delimiter = ',')]
    levels: Vec<Duration>,
    /// Time between two snapshots
    #[arg(long, value_name = "TIME", env = "PRA_SNAPSHOT_EVERY", default_value = "1d", value_parser = length)]
    snapshot_every: Duration,
    /// How long every single sync can still be restored after its compaction
    #[arg(long, value_name = "TIME", env = "PRA_KEEP_FINE", default_value = "5m", value_parser = length)]
    keep_fine: Duration,
    /// How long snapshots, and the files that depend on them, are kept
    #[arg(long, value_name = "TIME", env = "PRA_KEEP_SNAPSHOTS", default_value = "1d", value_parser = length)]
    keep_snapshots: Duration,
    /// Replace another writer if a replica refuses this one: a new epoch begins that continues the other's
    #[arg(long, env = "PRA_TAKEOVER")]
    takeover: bool,
    /// Begin a new epoch at this start, for a damaged replica: its whole copy needs nothing that the replica has
    #[arg(long)]
    new_epoch: bool,
    /// The UID of the Kubernetes namespace, so that a copy of the volume elsewhere is detected
    #[arg(long, value_name = "UID", env = "PRA_NAMESPACE_UID")]
    namespace_uid: Option<String>,
    /// The UID of the database's volume, for the same reason
    #[arg(long, value_name = "UID", env = "PRA_VOLUME_UID")]
    volume_uid: Option<String>,
}

#[derive(Debug, Serialize)]
struct Kept {
    largest_wal_bytes: u64,
    checkpoints: u64,
    longest_hold_seconds: f64,
    syncs: u64,
    full_comparisons: u64,
    replicas: Vec<StoreHealth>,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { database, backups, replicas, shipping, output: _, once, wal_limit_mib, tick, metrics_addr } = self;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .map_err(|e| Error::new(Code::Failed, "failed to listen for signals").because(e))?;
        }
        let options = checkpointer::Options {
            tick,
            wal_limit: wal_limit_mib << 20,
            once,
            ..checkpointer::Options::new(database.database)
        };
        let options = shipping.options(options, replicas, backups.backups, metrics_addr)?;
        answer(replicate::run(&options, &stop)?)
    }
}

impl Shipping {
    fn options(
        self,
        checkpointer: checkpointer::Options,
        replicas: Replicas,
        backups: PathBuf,
        metrics: Option<SocketAddr>,
    ) -> Result<replicate::Options> {
        let [one, two, three] = self.levels[..] else {
            return Err(Error::new(Code::Usage, "--levels takes three lengths of time")
                .hint("such as 30s,5m,1h, each longer than the one before"));
        };
        let recipients = recipients(&self.recipients)?;
        Ok(replicate::Options {
            checkpointer,
            backups,
            metrics,
            store: replicas.store()?,
            replicas: replicas.urls()?,
            sync_interval: self.sync_interval,
            recipients,
            staging_limit: self.staging_limit_mib << 20,
            levels: [one, two, three, self.snapshot_every],
            retention: store::retention::Retention {
                fine: self.keep_fine,
                snapshots: self.keep_snapshots,
                ..store::retention::Retention::default()
            },
            tidy_every: two,
            takeover: self.takeover,
            new_epoch: self.new_epoch,
            announce: true,
            namespace_uid: self.namespace_uid,
            volume_uid: self.volume_uid,
        })
    }
}

fn answer(report: replicate::Report) -> Result<Answer> {
    let replicate::Report { checkpointer, engine, stores } = report;
    let longest_hold_seconds = checkpointer.longest_hold.as_secs_f64();
    let words =
        format!("{} checkpoints, writers held up for {longest_hold_seconds:.3} s at most", checkpointer.checkpoints);
    let kept = Kept {
        largest_wal_bytes: checkpointer.largest_wal,
        checkpoints: checkpointer.checkpoints,
        longest_hold_seconds,
        syncs: engine.syncs,
        full_comparisons: engine.full_comparisons,
        replicas: stores,
    };
    Answer::new(&kept, words, Vec::new())
}
