//! From the command line to a running server.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::app::{App, Configuration};
use crate::cli::Cli;
use crate::lanes::Lanes;
use crate::manifest::Manifest;
use crate::toml_reader::Problems;
use crate::{engine, runtime_config, server, shutdown, sqlite, variables};

/// Runs the application until a signal ends it.
///
/// # Errors
/// What keeps it from starting; all mistakes of the configuration together.
pub(crate) fn run(cli: &Cli) -> Result<()> {
    let configuration = configure(cli)?;
    sqlite::without_statistics();
    let limits = cli.limits();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    let stop = {
        // Before the code is compiled: the first process of a container never gets a signal that it does not watch for.
        let _entered = runtime.enter();
        shutdown::requested()?
    };
    let engine = engine::new(&limits, cli.cache_dir.as_deref())?;
    let app = App::load(&engine, configuration, limits)?;
    let lanes = Lanes::new(app, limits.instances as usize, limits.connections);
    runtime.block_on(async {
        let listener = server::bind(cli.listen).await?;
        announce(&format!("Serving http://{}", listener.local_addr()?))?;
        server::serve(listener, lanes, stop).await;
        Ok(())
    })
}

fn configure(cli: &Cli) -> Result<Configuration> {
    let mut problems = Problems::default();
    let manifest = Manifest::parse(&cli.from, &read(&cli.from)?, &mut problems);
    let mut databases = match &cli.runtime_config_file {
        Some(file) => databases(file, &mut problems)?,
        None => BTreeMap::new(),
    };
    runtime_config::add_default(&mut databases, cli.from.parent().unwrap_or(Path::new("")));
    let environment = |name: &str| std::env::var_os(name);
    let values = variables::resolve(&cli.from, &manifest.variables, &cli.variables, environment, &mut problems);
    let configuration = Configuration { manifest, databases, variables: values };
    configuration.check(&mut problems, &cli.from);
    problems.into_result()?;
    Ok(configuration)
}

fn databases(file: &Path, problems: &mut Problems) -> Result<BTreeMap<String, PathBuf>> {
    let base = std::env::current_dir().context("failed to find the current folder")?;
    Ok(runtime_config::parse(file, &read(file)?, &base, problems))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("failed to read '{}'", file.display()))
}

fn announce(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("failed to write to stdout")
}
