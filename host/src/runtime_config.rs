//! The runtime configuration file: which SQLite file each label names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::toml_reader::{Problems, Section};

/// Spin's other top-level keys.
const UNSUPPORTED: &[&str] = &[
    "client_tls",
    "config_provider",
    "key_value_store",
    "llm_compute",
    "log_dir",
    "max_instance_memory",
    "outbound_http",
    "outbound_mqtt",
    "outbound_mysql",
    "outbound_networking",
    "outbound_pg",
    "outbound_redis",
    "state_dir",
    "variables_provider",
];

/// The label that works without being configured.
const DEFAULT_LABEL: &str = "default";

/// Reads the file's text. Paths are relative to `base`: Spin takes the folder in which it was started, not the file's.
///
/// Returns the file of each label; mistakes go to `problems`.
pub(crate) fn parse(file: &Path, text: &str, base: &Path, problems: &mut Problems) -> BTreeMap<String, PathBuf> {
    let mut databases = BTreeMap::new();
    let Some(mut root) = Section::parse(file, text, problems) else { return databases };
    root.unsupported(UNSUPPORTED, problems);
    if let Some(mut labels) = root.section("sqlite_database", problems) {
        for label in labels.keys() {
            let Some(section) = labels.section(&label, problems) else { continue };
            if let Some(path) = database(section, problems) {
                databases.insert(label, base.join(path));
            }
        }
    }
    root.finish(problems);
    databases
}

fn database(mut section: Section<'_>, problems: &mut Problems) -> Option<PathBuf> {
    let (place, kind) = section.required_text("type", problems)?;
    if kind != "spin" {
        section.harmless(&["path", "token", "url"]);
        place.problem(problems, format_args!("host only supports \"spin\", not {kind:?}: run it under spin"));
        section.finish(problems);
        return None;
    }
    if !section.has("path") {
        let message = "`path` is missing: host does not support a database in memory";
        section.place().problem(problems, message);
    }
    let path = section.text("path", problems).map(|(_, path)| PathBuf::from(path));
    section.finish(problems);
    path
}

/// Adds the file of label `default`, which Spin keeps beside the manifest unless it is configured.
pub(crate) fn add_default(databases: &mut BTreeMap<String, PathBuf>, manifest_folder: &Path) {
    let default = || manifest_folder.join(".spin").join("sqlite_db.db");
    databases.entry(DEFAULT_LABEL.to_owned()).or_insert_with(default);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(text: &str) -> Result<BTreeMap<String, PathBuf>, String> {
        let mut problems = Problems::default();
        let databases = parse(Path::new("rc.toml"), text, Path::new("/base"), &mut problems);
        problems.into_result().map(|()| databases).map_err(|problems| problems.to_string())
    }

    #[test]
    fn relative_paths_begin_in_the_base_folder_and_absolute_ones_stay() {
        let text = "[sqlite_database.a]\ntype = \"spin\"\npath = \"data/a.db\"\n\
                    [sqlite_database.b]\ntype = \"spin\"\npath = \"/b.db\"";
        let databases = parse_all(text).unwrap();
        assert_eq!(databases["a"], Path::new("/base/data/a.db"));
        assert_eq!(databases["b"], Path::new("/b.db"));
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let text = "state_dir = \"x\"\n[sqlite_database.a]\ntype = \"libsql\"\nurl = \"http://x\"\n\
                    [sqlite_database.b]\ntype = \"spin\"\n[sqlite_database.c]\ntype = \"spin\"\npath = 1\nfile = \"c\"";
        let words = parse_all(text).unwrap_err();
        for expected in [
            "rc.toml:1: state_dir: host does not support this",
            "rc.toml:3: sqlite_database.a.type: host only supports \"spin\", not \"libsql\"",
            "sqlite_database.b: `path` is missing",
            "rc.toml:9: sqlite_database.c.path: expected a string, found integer",
            "rc.toml:10: sqlite_database.c.file: unknown key",
        ] {
            assert!(words.contains(expected), "{expected:?} is missing in:\n{words}");
        }
    }

    #[test]
    fn the_default_label_lies_beside_the_manifest_unless_it_is_configured() {
        let mut databases = BTreeMap::new();
        add_default(&mut databases, Path::new("/app"));
        assert_eq!(databases["default"], Path::new("/app/.spin/sqlite_db.db"));
        let mut databases = BTreeMap::from([("default".to_owned(), PathBuf::from("/mine.db"))]);
        add_default(&mut databases, Path::new("/app"));
        assert_eq!(databases["default"], Path::new("/mine.db"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_reported_with_the_line() {
        assert!(parse_all("a = 1\nb = ").unwrap_err().contains("rc.toml:2: "));
    }
}
