//! The documentation's table.

use std::fmt::Write as _;

use crate::ALL;

/// All metrics as a table in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| metric | type | labels | from | says |\n|---|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let labels = metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let exporters = metric.exporters.iter().map(|one| one.word()).collect::<Vec<_>>().join(", ");
        let (name, kind, help) = (metric.name, metric.kind.word(), metric.help);
        // Writing into a text does not fail.
        writeln!(text, "| `{name}` | {kind} | {labels} | {exporters} | {help} |").unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn names_follow_the_conventions_and_are_declared_once() {
        for (number, metric) in ALL.iter().enumerate() {
            let name = metric.name;
            assert!(name.starts_with("pra_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(!metric.help.ends_with('.') && !metric.help.is_empty(), "{name}");
            assert!(ALL[..number].iter().all(|other| other.name != name), "{name} is declared twice");
        }
    }

    #[test]
    fn each_metric_has_its_row() {
        let text = markdown();
        assert_eq!(text.lines().count(), ALL.len() + 2);
        assert!(text.contains("| `pra_replica_up` | gauge | `replica` | application, replicator | Whether"), "{text}");
    }
}
