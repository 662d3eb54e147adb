//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

#[track_caller]
pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("failed to read '{name}': {error}"))
}

#[track_caller]
pub(crate) fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap_or_else(|error| panic!("'{name}' is no YAML: {error}"))
}

/// The file `name` must be `text`, which it becomes where `PRA_WRITE` is set.
#[track_caller]
pub(crate) fn assert_is(name: &str, text: &str) {
    if std::env::var_os("PRA_WRITE").is_some() {
        fs::write(path(name), text).unwrap();
    }
    assert!(
        read(name) == text,
        "'{name}' is not what it is made from: PRA_WRITE=1 cargo test --release --package pra-metrics"
    );
}
