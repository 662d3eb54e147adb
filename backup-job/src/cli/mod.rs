//! `backup-job`: flags become options, reports become output. The work is done in the other crates.

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

use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use disk::stop::stoppable;
use program::generate::Generate;
use program::output;

/// Verified backups and restores of a live SQLite database.
///
/// Data goes to stdout, messages to stderr. Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 no such restore
/// point; 4 verification failed; 5 busy, try again; 6 out of reach, try again; 143 stopped by a signal.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, args_override_self = true)]
pub(crate) struct Cli {
    /// The configuration, a TOML file whose keys are the long flags of the verbs. Flags override it. No environment
    /// variable is read then; the variables that the stores need are in its table [environment]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Read no environment variable: a flag that is not given has its default
    #[arg(long, global = true, help_heading = "Configuration")]
    ignore_environment: bool,
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
pub(crate) fn main() -> ExitCode {
    #[cfg(feature = "crash-points")]
    {
        if let Some(code) = disk::crash::sabotage::asked_for(std::env::args_os()) {
            return code;
        }
        disk::crash::install();
    }
    // Before anything else: what the environment says is not to be believed where the arguments say so.
    let arguments: Vec<_> = std::env::args_os().collect();
    let command = crate::config::prepare(Cli::command(), &arguments);
    let _logging = program::logging::start(env!("CARGO_PKG_NAME"));
    let command = match command {
        Ok(command) => command,
        Err(error) => return output::finish(program::usage::asked_format(), Err(error)),
    };
    match command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli.run(),
        Err(error) => program::usage::refuse(&error),
    }
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
