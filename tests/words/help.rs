use crate::{assert_is, program};

fn help(name: &str, arguments: &[&str]) -> String {
    let output = program(name).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{name} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a program's help lists.
fn verbs(text: &str) -> Vec<String> {
    let listed = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    verbs.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn the_help_of_every_verb_is_what_was_agreed_and_shows_an_example() {
    for name in ["backup-job", "kubectl-pra"] {
        let text = help(name, &[]);
        let verbs = verbs(&text);
        assert!(verbs.len() > 5, "{verbs:?}");
        assert_is(text, &format!("help/{name}.txt"));
        for verb in verbs.iter().filter(|verb| *verb != "help") {
            let text = help(name, &[verb]);
            assert!(text.contains("Example") || text.contains("Commands:"), "{name} {verb} has no example");
            assert_is(text, &format!("help/{name}-{verb}.txt"));
        }
    }
}

#[test]
fn help_is_no_wider_than_the_terminal_and_what_is_common_stands_under_no_heading() {
    let output = program("backup-job").args(["restore", "--help"]).env("COLUMNS", "60").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.split("Examples:").next().unwrap().lines().all(|line| line.chars().count() <= 60), "{text}");
    for verb in ["init", "restore", "rehearse", "verify", "list", "replicate"] {
        let text = help("backup-job", &[verb]);
        let (common, _) = text.split_once("Replicas:").unwrap();
        let given = ["--output", "--dry-run", "--wait", "--once", "--yes", "--scratch", "--accept-older"];
        for flag in
            given.iter().filter(|flag| text.contains(&format!("{flag}\n")) || text.contains(&format!("{flag} <")))
        {
            assert!(common.contains(flag), "{verb} {flag}");
        }
    }
}

#[test]
fn completions_and_man_pages_are_generated_for_every_verb() {
    for name in ["backup-job", "kubectl-pra"] {
        let verbs = verbs(&help(name, &[]));
        for shell in ["bash", "zsh", "fish"] {
            let output = program(name).args(["generate", "completions", shell]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && verbs.iter().all(|verb| text.contains(verb.as_str())), "{name} {shell}");
        }
        let folder = tempfile::tempdir().unwrap();
        let output = program(name).args(["generate", "man"]).arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        for verb in verbs.iter().filter(|verb| *verb != "help") {
            assert!(folder.path().join(format!("{name}-{verb}.1")).is_file(), "{name} {verb}");
        }
    }
}
