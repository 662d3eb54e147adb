//! The command line of `cargo xtask`.

use crate::{bench, docs, e2e, images, leash, test, up};

/// Runs, tests, measures and packs mini-pra; each command sets up what it needs.
#[derive(Debug, clap::Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Build and run the application, its checkpointer and a backup every minute.
    Up(up::Args),
    /// Run every check and test of the project.
    Test(test::Args),
    /// Measure the project beside its peers and the physical limits.
    Bench(bench::Args),
    /// Write the container images, and import or push them.
    Images(images::Args),
    /// Build the documentation as a book with a search.
    Docs(docs::Args),
    /// Test the project on the Kubernetes that KUBECONFIG names.
    E2e(e2e::Args),
    /// Become another program that ends when this one does.
    #[command(hide = true)]
    Leash(leash::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
