//! Which Rust files belong to a target, found the way the compiler finds them: from each target's root along `mod`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace;

/// All Rust files that some target of the workspace compiles.
pub(super) fn files() -> Result<HashSet<PathBuf>> {
    let mut cargo = workspace::cargo();
    let output =
        cargo.args(["metadata", "--no-deps", "--format-version", "1"]).output().context("failed to run cargo")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).context("failed to read cargo's metadata")?;
    let mut found = HashSet::new();
    for root in roots(&metadata) {
        follow(&root, root.parent().unwrap_or(Path::new("")), &mut found);
    }
    Ok(found)
}

fn roots(metadata: &Value) -> Vec<PathBuf> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    targets.filter_map(|target| target["src_path"].as_str()).map(PathBuf::from).collect()
}

/// Adds `file` and the modules that it declares; those are in `folder`.
fn follow(file: &Path, folder: &Path, found: &mut HashSet<PathBuf>) {
    // A module whose file is missing is the compiler's business.
    let Ok(text) = std::fs::read_to_string(file) else { return };
    if !found.insert(file.to_path_buf()) {
        return;
    }
    for module in modules(&text) {
        match module {
            Module::Named(name) => {
                follow(&folder.join(&name).with_extension("rs"), &folder.join(&name), found);
                follow(&folder.join(&name).join("mod.rs"), &folder.join(&name), found);
            }
            Module::At(path) => {
                let file = file.parent().unwrap_or(folder).join(path);
                let beside = file.parent().unwrap_or(folder).to_path_buf();
                follow(&file, &beside, found);
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Module {
    Named(String),
    /// With `#[path = "…"]` on the line before, or with `include!("….rs")`.
    At(String),
}

fn modules(text: &str) -> Vec<Module> {
    let mut path = None;
    let mut modules = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = declared(line) {
            modules.push(path.take().map_or(Module::Named(name), Module::At));
        } else if let Some(file) = between(line, "#[path = \"", "\"") {
            path = Some(file);
        } else if let Some(file) = between(line, "include!(\"", "\"") {
            modules.push(Module::At(file));
        }
    }
    modules
}

/// The name in `[pub[(…)]] mod NAME;`.
fn declared(line: &str) -> Option<String> {
    let (before, name) = line.strip_suffix(';')?.rsplit_once("mod ")?;
    let visible = before.is_empty() || before.starts_with("pub") || before.starts_with("#[");
    let identifier = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    (visible && identifier).then(|| name.to_owned())
}

fn between(line: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = line.split_once(before)?;
    rest.split_once(after).map(|(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_told_from_inline_modules_and_prose() {
        let text =
            "mod a;\npub(crate) mod b;\n#[cfg(test)] mod c;\nmod tests {\n// a mod d;\n#[path = \"x/y.rs\"]\nmod e;\n";
        let named = |name: &str| Module::Named(name.into());
        assert_eq!(modules(text), [named("a"), named("b"), named("c"), Module::At("x/y.rs".into())]);
    }

    #[test]
    fn this_very_file_is_compiled() {
        let files = files().unwrap();
        assert!(files.contains(&workspace::root().join("xtask/src/test/compiled.rs")));
        assert!(!files.contains(&workspace::root().join("xtask/src/test/nowhere.rs")));
    }
}
