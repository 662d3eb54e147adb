//! The application, ready to answer: configuration checked, code compiled, imports linked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::bindings;
use crate::budget::Budget;
use crate::limits::{Limits, PROBES};
use crate::manifest::{self, Manifest, Mount};
use crate::outbound::AllowedHost;
use crate::route::Route;
use crate::sqlite::Database;
use crate::state::State;
use crate::toml_reader::Problems;

/// A loaded application.
pub(crate) struct App {
    /// Routes and what answers them, best match first.
    pub(crate) routes: Vec<(Route, Arc<Component>)>,
    /// One permit for each instance that may run.
    pub(crate) slots: Arc<Semaphore>,
    /// Permits that only probes get, when there are no others.
    pub(crate) probe_slots: Arc<Semaphore>,
    /// Memory for what is large.
    pub(crate) budget: Budget,
    /// Memory for bodies that are on their way: half of the same, so that slow clients leave the other half alone.
    pub(crate) bodies: Budget,
}

/// A component that can be instantiated, and what its instances may use.
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) pre: ProxyPre<State>,
    pub(crate) databases: Vec<Database>,
    pub(crate) outbound: Arc<[AllowedHost]>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) limits: Limits,
}

/// A configuration without mistakes: the manifest, and what was given beside it.
pub(crate) struct Configuration {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// The file behind each label.
    pub(crate) databases: BTreeMap<String, PathBuf>,
    /// The application variables' values.
    pub(crate) variables: BTreeMap<String, String>,
}

impl Configuration {
    /// Checks what only shows when all parts are known: labels without a file, sources and folders that are missing.
    pub(crate) fn check(&self, problems: &mut Problems, manifest: &Path) {
        for (id, component) in &self.manifest.components {
            if !component.source.is_file() {
                let source = component.source.display();
                problems.add(manifest, format!("component.{id}.source: there is no file '{source}': build it first"));
            }
            for mount in component.mounts.iter().filter(|mount| !mount.source.is_dir()) {
                problems
                    .add(manifest, format!("component.{id}.files: there is no folder '{}'", mount.source.display()));
            }
            for (place, label) in component.databases.iter().filter(|(_, label)| !self.databases.contains_key(label)) {
                let message = format_args!(
                    "label {label:?} has no file: add `[sqlite_database.{label}]` with `type = \"spin\"` and `path` \
                     to the file given by --runtime-config-file"
                );
                place.problem(problems, message);
            }
        }
    }
}

impl App {
    /// Compiles and links every component, and makes the folders of its databases.
    ///
    /// # Errors
    /// A folder that cannot be made, a file that is no component, or an import that the host does not have.
    pub(crate) fn load(engine: &Engine, configuration: Configuration, limits: Limits) -> Result<Self> {
        let linker = linker(engine).map_err(anyhow::Error::from).context("failed to set up the imports")?;
        let Configuration { manifest, databases, variables } = configuration;
        let mut components = BTreeMap::new();
        for (id, declared) in manifest.components {
            let component = load(engine, &linker, &id, declared, &databases, &variables, limits)?;
            components.insert(id, Arc::new(component));
        }
        let routes = manifest.routes.into_iter();
        let routes = routes.filter_map(|(route, id)| Some((route, components.get(&id)?.clone()))).collect();
        Ok(Self {
            routes,
            slots: Arc::new(Semaphore::new(limits.instances as usize)),
            probe_slots: Arc::new(Semaphore::new(PROBES as usize)),
            budget: Budget::new(limits.shared_bytes - limits.shared_bytes / 2),
            bodies: Budget::new(limits.shared_bytes / 2),
        })
    }
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::Platform::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state)?;
    Ok(linker)
}

fn load(
    engine: &Engine,
    linker: &Linker<State>,
    id: &str,
    declared: manifest::Component,
    files: &BTreeMap<String, PathBuf>,
    values: &BTreeMap<String, String>,
    limits: Limits,
) -> Result<Component> {
    let manifest::Component { source, mounts, databases, outbound, variables, environment } = declared;
    let compiled = wasmtime::component::Component::from_file(engine, &source)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("failed to load component '{id}' from '{}'", source.display()))?;
    let pre =
        linker.instantiate_pre(&compiled).and_then(ProxyPre::new).map_err(anyhow::Error::from).with_context(|| {
            format!("failed to link component '{id}': host does not support what it imports or exports")
        })?;
    let mut opened = Vec::new();
    for (_, label) in databases {
        if let Some(file) = files.get(&label) {
            if let Some(folder) = file.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("failed to create the database folder '{}'", folder.display()))?;
            }
            opened.push(Database { label, file: file.as_path().into() });
        }
    }
    Ok(Component {
        id: id.to_owned(),
        pre,
        databases: opened,
        outbound: outbound.into(),
        variables: variables.into_iter().map(|(name, template)| (name, template.fill(values))).collect(),
        environment,
        mounts,
        limits,
    })
}
