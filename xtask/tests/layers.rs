//! The crates depend on each other as docs/architecture.md says, and in one direction only.

#![allow(clippy::unwrap_used, reason = "it is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

type Layers = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn metadata(more: &[&str]) -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked"]).args(more).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The crates in `crates/`, and what they depend on outside of their tests.
fn crates(metadata: &Value) -> BTreeMap<String, Vec<&Value>> {
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().filter(|package| package["manifest_path"].as_str().unwrap().contains("/crates/"));
    let normal = |package: &'_ Value| package["kind"].is_null();
    ours.map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter().filter(|one| normal(one)).collect();
        (package["name"].as_str().unwrap().to_owned(), dependencies)
    })
    .collect()
}

fn name(value: &Value) -> String {
    value["name"].as_str().unwrap().to_owned()
}

/// The table's rows, in order: a crate, and what it depends on.
fn drawn() -> Vec<(String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| crate | holds | depends on |")).skip(2);
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (names(cells[0]).remove(0), names(cells[cells.len() - 1]).into_iter().collect())
        })
        .collect()
}

#[test]
fn the_table_of_crates_is_what_cargo_knows() {
    let metadata = metadata(&["--no-deps"]);
    let crates = crates(&metadata);
    let known: Layers = crates
        .iter()
        .map(|(name, dependencies)| {
            let ours = dependencies.iter().map(|one| self::name(one)).filter(|name| crates.contains_key(name));
            (name.clone(), ours.collect())
        })
        .collect();
    assert_eq!(drawn().into_iter().collect::<Layers>(), known);
}

#[test]
fn each_crate_depends_on_those_above_it_alone() {
    let mut above = BTreeSet::new();
    for (name, dependencies) in drawn() {
        assert!(dependencies.is_subset(&above), "{name} depends on {dependencies:?}, above it are {above:?}");
        above.insert(name);
    }
    assert!(above.len() > 5, "the table is read: {above:?}");
}

#[test]
fn the_core_and_the_catalog_have_no_runtime_no_database_and_no_operating_system() {
    let metadata = metadata(&["--no-deps"]);
    for pure in ["pra-core", "catalog"] {
        let names: BTreeSet<String> = crates(&metadata)[pure].iter().map(|one| name(one)).collect();
        for banned in ["tokio", "rusqlite", "nix", "hyper", "kube", "object_store"] {
            assert!(!names.contains(banned), "{pure}: {banned}");
        }
        assert!(names.contains("jiff"), "{pure}: {names:?}");
    }
}
