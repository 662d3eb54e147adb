//! spin.toml as the image has it: the modules beside it, and nothing about how they are built.

use anyhow::{Context, Result, bail, ensure};
use toml_edit::{DocumentMut, Item, Value};

/// An application that can be put into an image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Application {
    /// The manifest's text.
    pub(crate) manifest: String,
    /// What the manifest names.
    pub(crate) modules: Vec<Module>,
}

/// A Wasm file: its name in the image, and its path in the repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) source: String,
}

impl Application {
    /// Changes a manifest of the repository into one of an image.
    ///
    /// # Errors
    /// No TOML, or components that are more than one file each.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut document: DocumentMut = text.parse().context("failed to read spin.toml")?;
        let components = document.get_mut("component").and_then(Item::as_table_mut);
        let components = components.context("spin.toml has no components")?;
        let mut modules: Vec<Module> = Vec::new();
        for (id, component) in components.iter_mut() {
            let component =
                component.as_table_mut().with_context(|| format!("component '{id}' of spin.toml is no table"))?;
            if component.contains_key("files") {
                bail!("component '{id}' of spin.toml has `files`, which images do not hold");
            }
            let value = component.get_mut("source").and_then(Item::as_value_mut);
            let value = value.with_context(|| format!("component '{id}' of spin.toml has no source"))?;
            let source =
                value.as_str().with_context(|| format!("the source of component '{id}' is no file"))?.to_owned();
            let name = source.rsplit('/').next().unwrap_or(&source).to_owned();
            let taken = modules.iter().any(|module| module.name == name && module.source != source);
            ensure!(!taken, "two components of spin.toml have a file '{name}'");
            // With the comments around it.
            let decor = value.decor().clone();
            *value = Value::from(&name);
            *value.decor_mut() = decor;
            component.remove("build");
            modules.push(Module { name, source });
        }
        Ok(Self { manifest: document.to_string(), modules })
    }
}

#[cfg(test)]
mod tests {
    use toml_edit::value;

    use super::*;

    const MANIFEST: &str = include_str!("../../spin.toml");

    #[test]
    fn the_manifest_keeps_everything_but_the_source_and_the_build() {
        let application = Application::parse(MANIFEST).unwrap();
        let source = "target/wasm32-wasip2/release/events.wasm".to_owned();
        assert_eq!(application.modules, [Module { name: "events.wasm".to_owned(), source }]);

        let mut expected: toml_edit::Table = MANIFEST.parse::<DocumentMut>().unwrap().as_table().clone();
        let changed: DocumentMut = application.manifest.parse().unwrap();
        assert_eq!(changed["component"]["events"]["source"].as_str(), Some("events.wasm"));
        let events = expected["component"]["events"].as_table_mut().unwrap();
        assert!(events.remove("build").is_some());
        events["source"] = value("events.wasm");
        assert_eq!(changed.to_string(), DocumentMut::from(expected).to_string());
    }

    #[test]
    fn comments_stay() {
        let manifest =
            "# why\n[component.a]\nsource = \"x/a.wasm\" # what\n\n[component.a.build]\ncommand = \"make\"\n";
        let application = Application::parse(manifest).unwrap();
        assert_eq!(application.manifest, "# why\n[component.a]\nsource = \"a.wasm\" # what\n");
    }

    #[test]
    fn what_an_image_cannot_hold_is_refused() {
        let words = |text: &str| Application::parse(text).unwrap_err().to_string();
        assert!(words("[component.a]\nsource = { url = \"http://x\", digest = \"y\" }").contains("is no file"));
        assert!(words("[component.a]\nsource = \"a.wasm\"\nfiles = [\"x\"]").contains("images do not hold"));
        assert!(words("[component.a]\nsource = \"x/a\"\n[component.b]\nsource = \"y/a\"").contains("have a file 'a'"));
        assert!(words("").contains("no components"));
    }
}
