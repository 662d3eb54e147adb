//! `backup-job`: flags become options, reports become output. What is done stands in the other modules.

mod args;
mod backup;
mod drill;
mod init;
mod keygen;
mod list;
mod prune;
mod quiesce;
mod rehearse;
mod replicate;
mod restore;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::generate::Generate;
use crate::output;
use crate::stop::stoppable;

/// Verified backups and restores of a live SQLite database.
///
/// stdout is data, stderr is talk. Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 no such restore point;
/// 4 verification failed; 5 busy, try again; 6 out of reach, try again;
/// 143 stopped by a signal.
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
    Rehearse(rehearse::Args),
    Keygen(keygen::Args),
    Drill(drill::Args),
    /// Shell completions and man pages
    #[command(subcommand)]
    Generate(Generate),
}

/// Runs `backup-job` with this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(feature = "crash-points")]
    {
        if let Some(code) = crate::crash::sabotage::asked_for(std::env::args_os()) {
            return code;
        }
        crate::crash::install();
    }
    let _logging = crate::logging::start();
    Cli::parse().run()
}

impl Cli {
    /// Runs the verb and says how it went.
    pub(crate) fn run(self) -> ExitCode {
        match self.verb {
            Verb::Init(args) => output::finish(args.format(), stoppable(|| args.run())),
            Verb::Backup(args) => output::finish(args.format(), stoppable(|| args.run())),
            Verb::List(args) => output::finish(args.format(), args.run()),
            Verb::Verify(args) => output::finish(args.format(), stoppable(|| args.run())),
            Verb::Restore(args) => output::finish(args.format(), args.run()),
            Verb::Prune(args) => output::finish(args.format(), args.run()),
            Verb::Replicate(args) => output::finish(args.format(), args.run()),
            Verb::Rehearse(args) => output::finish(args.format(), stoppable(|| args.run())),
            Verb::Keygen(args) => output::finish(args.format(), args.run()),
            Verb::Drill(args) => output::finish(args.format(), args.run()),
            Verb::Generate(what) => output::finish(output::Format::Table, what.run(Self::command())),
        }
    }
}
