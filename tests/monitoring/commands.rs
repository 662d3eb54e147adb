//! The runbook's commands exist.

use std::collections::BTreeSet;
use std::process::Command;

use mini_pra_tests::{bin, root};

#[test]
fn every_verb_that_the_runbook_types_exists() {
    let mut checked = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("docs/runbook")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (program, spoken) in [("backup-job", "backup-job "), ("kubectl-pra", "kubectl pra ")] {
            for rest in text.split(spoken).skip(1) {
                let verb: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                if !verb.is_empty() {
                    checked.insert((program, verb));
                }
            }
        }
    }
    assert!(checked.len() > 5, "{checked:?}");
    for (program, verb) in checked {
        let output = Command::new(bin(program)).args([&verb, "--help"]).output().unwrap();
        assert!(output.status.success(), "the runbook says `{program} {verb}`, which does not exist");
    }
}
