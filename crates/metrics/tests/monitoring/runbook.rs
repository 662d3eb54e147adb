//! The runbook: every alarm and every exit code has its page, and every page answers the same questions.

use std::fs;

use crate::repository::{path, read};
use crate::rules::rules;

const FOLDER: &str = "docs/runbook";
const EXIT_CODES: &str = "exit-codes.md";

/// The questions of the engineer on call, in their order.
const QUESTIONS: [&str; 4] = ["What it means", "What to look at", "What to type", "It is over when"];

/// As `backup-job` has them, and the one of a signal.
const CODES: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 143];

fn pages() -> Vec<String> {
    let entries = fs::read_dir(path(FOLDER)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "README.md").collect()
}

fn page(name: &str) -> String {
    read(&format!("{FOLDER}/{name}"))
}

/// The headings of `level` in `text`, what is in code left out.
fn headings(text: &str, level: usize) -> Vec<&str> {
    let mark = format!("{} ", "#".repeat(level));
    let mut inside = false;
    let outside = text.lines().filter(|line| {
        inside ^= line.trim_start().starts_with("```");
        !inside
    });
    outside.filter_map(|line| line.strip_prefix(mark.as_str())).collect()
}

/// As GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn each_page_answers_the_same_questions_in_the_same_order() {
    for name in pages().iter().filter(|name| *name != EXIT_CODES) {
        assert_eq!(headings(&page(name), 2), QUESTIONS, "{name}");
    }
}

#[test]
fn each_page_has_a_step_for_a_server_without_kubernetes() {
    let without: Vec<_> = pages().into_iter().filter(|name| !page(name).contains("n a plain server")).collect();
    assert!(without.is_empty(), "{without:?}");
}

/// The commands of `program` in the consoles of a page, each on one line.
fn commands(text: &str, program: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| line.starts_with("$ ") || line.starts_with("# "));
    lines.filter_map(|line| line.split_once(&format!("{program} "))).map(|(_, rest)| rest.to_owned()).collect()
}

#[test]
fn each_command_of_the_runbook_has_only_flags_that_its_verb_knows() {
    let mut seen = 0;
    for name in pages().into_iter().chain(["README.md".to_owned()]) {
        for command in commands(&page(&name), "backup-job") {
            let mut words = command.split_whitespace();
            let verb = words.next().unwrap();
            let help = read(&format!("tests/words/help/backup-job-{verb}.txt"));
            for flag in words.filter(|word| word.starts_with("--")) {
                seen += 1;
                let known = help.split([' ', '\n', ',']).any(|word| word == flag);
                assert!(known, "{name}: `backup-job {verb}` has no {flag}");
            }
        }
    }
    assert!(seen > 20, "{seen} flags");
}

#[test]
fn each_exit_code_has_its_section_which_answers_them_too() {
    let text = page(EXIT_CODES);
    let sections: Vec<_> = text.split("\n## ").skip(1).collect();
    for (section, code) in sections.iter().zip(CODES) {
        assert!(section.starts_with(&format!("{code}: ")), "{section}");
        let mut rest = *section;
        for question in QUESTIONS.iter().take(if code == 0 { 1 } else { 4 }) {
            let found = rest.split_once(&format!("**{question}.**"));
            rest = found.unwrap_or_else(|| panic!("{code}: '{question}' is not answered, or too early")).1;
        }
    }
    assert_eq!(sections.len(), CODES.len());
}

#[test]
fn each_alarm_is_on_its_page_and_in_the_index() {
    let index = page("README.md");
    for rule in rules() {
        let (file, section) = rule.page();
        let text = page(file);
        assert!(text.contains(&format!("`{}`", rule.name)), "{file} does not name {}", rule.name);
        let row = index.lines().find(|line| line.contains(&format!("`{}`", rule.name)));
        let row = row.unwrap_or_else(|| panic!("{} is not in the index", rule.name));
        let target = section.map_or_else(|| format!("({file})"), |section| format!("({file}#{section})"));
        assert!(row.contains(&target), "{row} does not lead to {target}");
        assert!(row.contains(&format!("| {} |", rule.severity())), "{row} is not as severe as the rule");
        if let Some(section) = section {
            let sections = headings(&text, 3);
            assert!(
                sections.iter().any(|heading| anchor(heading) == section),
                "{file} has no '{section}': {sections:?}"
            );
        }
    }
}

#[test]
fn each_page_stands_in_the_index() {
    let index = page("README.md");
    for name in pages() {
        assert!(index.contains(&format!("({name}")), "{name} is not in the index");
    }
}
