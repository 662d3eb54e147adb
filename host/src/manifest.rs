//! The application's manifest, version 2: what of it the host runs, checked to the last key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::outbound::AllowedHost;
use crate::route::Route;
use crate::toml_reader::{Item, Place, Problems, Section};
use crate::variables::{Template, check_name};

/// What a manifest says, with every path made relative to its folder.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// Declared variables by name.
    pub(crate) variables: BTreeMap<String, Variable>,
    /// Each HTTP trigger's route and the id of its component; the first match answers.
    pub(crate) routes: Vec<(Route, String)>,
    /// Components by id.
    pub(crate) components: BTreeMap<String, Component>,
}

/// An application variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The default value; `None` if the variable is required.
    pub(crate) default: Option<String>,
}

/// A component, as its manifest declares it.
#[derive(Debug)]
pub(crate) struct Component {
    /// The Wasm file.
    pub(crate) source: PathBuf,
    /// The folders that it sees, read-only.
    pub(crate) mounts: Vec<Mount>,
    /// The database labels that it may open, with where each is declared.
    pub(crate) databases: Vec<(Place, String)>,
    /// Where it may send HTTP requests.
    pub(crate) outbound: Vec<AllowedHost>,
    /// Its variables by name.
    pub(crate) variables: BTreeMap<String, Template>,
    /// Its environment variables.
    pub(crate) environment: Vec<(String, String)>,
}

/// A folder of the machine that the component sees under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder.
    pub(crate) source: PathBuf,
    /// Its name inside the component, an absolute path.
    pub(crate) destination: String,
}

impl Manifest {
    /// Reads the manifest's text; `file` names it in messages and its folder is where relative paths begin.
    pub(crate) fn parse(file: &Path, text: &str, problems: &mut Problems) -> Self {
        let mut manifest = Self::default();
        let Some(mut root) = Section::parse(file, text, problems) else { return manifest };
        let folder = file.parent().unwrap_or(Path::new(""));
        version(&mut root, problems);
        match root.section("application", problems) {
            Some(section) => application(section, problems),
            None => root.place().problem(problems, "`[application]` is missing"),
        }
        if let Some(mut section) = root.section("variables", problems) {
            for name in section.keys() {
                if let Some(declaration) = section.section(&name, problems) {
                    manifest.variables.insert(name.clone(), variable(&name, declaration, problems));
                }
            }
        }
        if let Some(mut section) = root.section("component", problems) {
            for id in section.keys() {
                if let Some(declaration) = section.section(&id, problems) {
                    let component = component(declaration, folder, &manifest.variables, problems);
                    manifest.components.extend(component.map(|component| (id, component)));
                }
            }
        }
        manifest.triggers(&mut root, problems);
        root.finish(problems);
        manifest
    }

    fn triggers(&mut self, root: &mut Section<'_>, problems: &mut Problems) {
        let Some(mut section) = root.section("trigger", problems) else {
            return root.place().problem(problems, "no `[[trigger.http]]`: nothing would answer");
        };
        for item in section.array("http", problems) {
            let Some(trigger) = item.section(problems) else { continue };
            let place = trigger.place().clone();
            let Some((route, component)) = http_trigger(trigger, problems) else { continue };
            if !self.components.contains_key(&component) {
                place.problem(problems, format_args!("there is no `[component.{component}]` that can run"));
            }
            if self.routes.iter().any(|(other, _)| other.raw() == route.raw()) {
                place.problem(problems, format_args!("route {:?} is taken by another trigger", route.raw()));
            }
            self.routes.push((route, component));
        }
        self.routes.sort_by_key(|(route, _)| route.rank());
        for kind in section.keys() {
            section.unsupported(&[&kind], problems);
        }
    }
}

fn version(root: &mut Section<'_>, problems: &mut Problems) {
    match root.integer("spin_manifest_version", problems) {
        Some((_, 2)) => {}
        Some((place, other)) => place.problem(problems, format_args!("host reads version 2, not {other}")),
        None => root.place().problem(problems, "`spin_manifest_version = 2` is missing"),
    }
}

fn application(mut section: Section<'_>, problems: &mut Problems) {
    section.required_text("name", problems);
    section.harmless(&["version", "description", "authors", "targets", "tool"]);
    section.unsupported(&["trigger"], problems);
    section.finish(problems);
}

fn variable(name: &str, mut section: Section<'_>, problems: &mut Problems) -> Variable {
    if let Err(reason) = check_name(name) {
        section.place().problem(problems, reason);
    }
    section.harmless(&["description", "secret"]);
    let required = section.flag("required", problems);
    let default = section.text("default", problems).map(|(_, value)| value);
    if required == default.is_some() {
        section.place().problem(problems, "either `required = true` or a `default`, and not both");
    }
    section.finish(problems);
    Variable { default }
}

fn http_trigger(mut section: Section<'_>, problems: &mut Problems) -> Option<(Route, String)> {
    section.harmless(&["id"]);
    section.unsupported(&["components", "static_response"], problems);
    if let Some(mut executor) = section.section("executor", problems) {
        if let Some((place, kind)) = executor.required_text("type", problems)
            && kind != "http"
        {
            place.problem(problems, format_args!("host does not support {kind:?}: run the application under spin"));
        }
        executor.finish(problems);
    }
    let route = section.required_text("route", problems);
    let component = section.required_text("component", problems);
    section.finish(problems);
    let (place, route) = route?;
    match Route::parse(&route) {
        Ok(route) => Some((route, component?.1)),
        Err(reason) => {
            place.problem(problems, reason);
            None
        }
    }
}

fn component(
    mut section: Section<'_>,
    folder: &Path,
    declared: &BTreeMap<String, Variable>,
    problems: &mut Problems,
) -> Option<Component> {
    section.harmless(&["description", "build", "targets", "tool"]);
    section.unsupported(
        &["ai_models", "allowed_http_hosts", "dependencies", "dependencies_inherit_configuration"],
        problems,
    );
    section.unsupported(&["exclude_files", "key_value_stores"], problems);
    let source = section.required_text("source", problems);
    let component = Component {
        source: folder.join(source.as_ref().map_or("", |(_, source)| source.as_str())),
        mounts: section.array("files", problems).into_iter().filter_map(|item| mount(item, folder, problems)).collect(),
        databases: section.texts("sqlite_databases", problems),
        outbound: outbound(&mut section, problems),
        variables: templates(&mut section, declared, problems),
        environment: section
            .text_map("environment", problems)
            .into_iter()
            .map(|(name, (_, value))| (name, value))
            .collect(),
    };
    section.finish(problems);
    source.map(|_| component)
}

fn templates(
    section: &mut Section<'_>,
    declared: &BTreeMap<String, Variable>,
    problems: &mut Problems,
) -> BTreeMap<String, Template> {
    let mut templates = BTreeMap::new();
    for (name, (place, text)) in section.text_map("variables", problems) {
        if let Err(reason) = check_name(&name) {
            place.problem(problems, reason);
        }
        match Template::parse(&text) {
            Ok(template) => {
                for unknown in template.names().filter(|name| !declared.contains_key(*name)) {
                    place.problem(problems, format_args!("no variable {unknown:?} in `[variables]`"));
                }
                templates.insert(name, template);
            }
            Err(reason) => place.problem(problems, reason),
        }
    }
    templates
}

fn outbound(section: &mut Section<'_>, problems: &mut Problems) -> Vec<AllowedHost> {
    let mut hosts = Vec::new();
    for (place, text) in section.texts("allowed_outbound_hosts", problems) {
        match AllowedHost::parse(&text) {
            Ok(host) => hosts.push(host),
            Err(reason) => place.problem(problems, reason),
        }
    }
    hosts
}

fn mount(item: Item<'_>, folder: &Path, problems: &mut Problems) -> Option<Mount> {
    if !item.is_section() {
        let message = "host only mounts whole folders, `{ source = \"…\", destination = \"/…\" }`: run it under spin";
        item.place().problem(problems, message);
        return None;
    }
    let mut section = item.section(problems)?;
    let source = section.required_text("source", problems);
    let destination = section.required_text("destination", problems);
    section.finish(problems);
    let ((_, source), (place, destination)) = (source?, destination?);
    if !destination.starts_with('/') {
        place.problem(problems, format_args!("{destination:?} does not begin with \"/\""));
    }
    Some(Mount { source: folder.join(source), destination })
}

#[cfg(test)]
mod tests;
