use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use backup_job::error::{Code, Error, Result};
use backup_job::keeper::{self, Stats};
use serde::Serialize;

use super::args::{Database, Format, Output, length};
use super::output::Answer;

/// Keeps the database: holds it open and bounds its WAL, until it is told to end
///
/// Without it nothing is lost, but single writes are slower and the WAL grows. It lets go while a restore replaces the
/// file, and comes back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job replicate --database /data/app.db")]
pub(super) struct Args {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    output: Output,
    /// Move the WAL into the database once, then end
    #[arg(long, env = "PRA_ONCE")]
    once: bool,
    /// Size of the WAL, in MiB, from which it is moved into the database
    #[arg(long, value_name = "MIB", env = "PRA_WAL_LIMIT_MIB", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    wal_limit_mib: u64,
    /// Time between two looks
    #[arg(long, value_name = "TIME", env = "PRA_TICK", default_value = "250ms", value_parser = length)]
    tick: Duration,
}

#[derive(Debug, Serialize)]
struct Kept {
    largest_wal_bytes: u64,
    checkpoints: u64,
    longest_hold_seconds: f64,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self { database, output: _, once, wal_limit_mib, tick } = self;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .map_err(|e| Error::new(Code::Failed, "failed to listen for signals").because(e))?;
        }
        let options =
            keeper::Options { tick, wal_limit: wal_limit_mib << 20, once, ..keeper::Options::new(database.database) };
        let Stats { largest_wal, checkpoints, longest_hold, opened: _ } = keeper::run(&options, &stop)?;
        let kept =
            Kept { largest_wal_bytes: largest_wal, checkpoints, longest_hold_seconds: longest_hold.as_secs_f64() };
        let words =
            format!("{checkpoints} checkpoints, writers held up for {:.3} s at most", kept.longest_hold_seconds);
        Answer::new(&kept, words, Vec::new())
    }
}
