//! The command line: flags become options, reports become output. What is done stands in the library.

mod args;
mod backup;
mod init;
mod list;
mod output;
mod prune;
mod replicate;
mod restore;
mod verify;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Verified backups and restores of a live SQLite database.
///
/// stdout is data, stderr is talk. Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 no such restore point;
/// 4 verification failed; 5 busy, try again; 6 out of reach, try again.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Args),
    Backup(backup::Args),
    List(list::Args),
    Verify(verify::Args),
    Restore(restore::Args),
    Prune(prune::Args),
    Replicate(replicate::Args),
}

impl Cli {
    /// Runs the verb and says how it went.
    pub(crate) fn run(self) -> ExitCode {
        match self.verb {
            Verb::Init(args) => output::finish(args.format(), args.run()),
            Verb::Backup(args) => output::finish(args.format(), args.run()),
            Verb::List(args) => output::finish(args.format(), args.run()),
            Verb::Verify(args) => output::finish(args.format(), args.run()),
            Verb::Restore(args) => output::finish(args.format(), args.run()),
            Verb::Prune(args) => output::finish(args.format(), args.run()),
            Verb::Replicate(args) => output::finish(args.format(), args.run()),
        }
    }
}

/// Talk goes to stderr: for people on a terminal, JSON lines elsewhere. `PRA_LOG` sets what is said.
pub(crate) fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PRA_LOG")
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if std::io::stderr().is_terminal() {
        builder.without_time().init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
