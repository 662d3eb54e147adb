//! The command line: kubectl's flags, and one verb.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use cluster::client::block_on;
use cluster::kit::Kit;
use cluster::{Access, Cluster};
use pra_core::Result;
use program::generate::Generate;
use program::output::{self, Answer, Format};

use super::{backup, drill, list, protect, restore, status, unprotect};

/// Backups, restores and drills of an application with a SQLite database in a cluster.
///
/// Data goes to stdout, messages to stderr. Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 no such restore
/// point; 4 verification failed; 5 busy, try again; 6 out of reach, try again. A Job's exit code is passed on.
#[derive(Debug, Parser)]
#[command(name = "kubectl-pra", bin_name = "kubectl pra", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Status(status::Args),
    Backup(backup::Args),
    List(list::Args),
    Restore(restore::Args),
    Drill(drill::Args),
    Protect(protect::Args),
    Unprotect(unprotect::Args),
    /// Shell completions and man pages
    #[command(subcommand)]
    Generate(Generate),
}

/// Flags that every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The namespace; by default the context's
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Cluster")]
    namespace: Option<String>,
    /// The context of the kubeconfig; by default its current one
    #[arg(long, global = true, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,
    /// The kubeconfig; by default as for kubectl
    #[arg(long, global = true, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// The application; by default the only one that is protected in the namespace
    #[arg(long, global = true, value_name = "NAME", help_heading = "Cluster")]
    app: Option<String>,
    /// The format of stdout
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    pub(crate) output: Format,
}

impl Common {
    /// The cluster.
    pub(crate) async fn cluster(&self) -> Result<Cluster> {
        Cluster::connect(&self.access()).await
    }

    /// How to reach it.
    pub(crate) fn access(&self) -> Access {
        let Self { namespace, context, kubeconfig, app: _, output: _ } = self;
        Access { kubeconfig: kubeconfig.clone(), context: context.clone(), namespace: namespace.clone() }
    }

    /// The cluster, and the application's kit in it.
    pub(crate) async fn kit(&self) -> Result<(Cluster, Kit)> {
        let cluster = self.cluster().await?;
        let kit = Kit::find(&cluster, self.app.as_deref()).await?;
        Ok((cluster, kit))
    }
}

impl Cli {
    /// Runs the verb and says how it went.
    pub(crate) fn run(self) -> ExitCode {
        let Self { common, verb } = self;
        output::finish(common.output, block_on(verb.run(&common)))
    }
}

impl Verb {
    async fn run(self, common: &Common) -> Result<Answer> {
        match self {
            Self::Status(args) => args.run(common).await,
            Self::Backup(args) => args.run(common).await,
            Self::List(args) => args.run(common).await,
            Self::Restore(args) => args.run(common).await,
            Self::Drill(args) => args.run(common).await,
            Self::Protect(args) => args.run(common).await,
            Self::Unprotect(args) => args.run(common).await,
            Self::Generate(what) => what.run(Cli::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_flags_of_kubectl_stand_before_or_after_the_verb() {
        for line in ["kubectl-pra -n pra --app notes list -o json", "kubectl-pra list -n pra --app notes -o json"] {
            let Common { namespace, app, output, .. } = Cli::parse_from(line.split(' ')).common;
            assert_eq!((namespace.as_deref(), app.as_deref(), output), (Some("pra"), Some("notes"), Format::Json));
        }
    }
}
