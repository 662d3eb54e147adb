//! Words that this project does not use any more, each with the word that it uses instead.

use std::path::Path;

/// A word, or several, and what to write instead.
const WORDS: &[(&str, &str)] = &[
    ("seal", "encrypt"),
    ("sealed", "encrypted"),
    ("keeper", "checkpointer"),
    ("in step", "lag, in seconds"),
    ("in_step", "lag, in seconds"),
    ("whoever", "the process or the person that does it"),
    ("nobody", "no process, no user, or who exactly does not"),
    ("somebody", "the process or the person that does it"),
];

/// Files that may hold any word: data of others, the licence, and this list.
const FREE: &[&str] = &["tests/damage/museum", "LICENSE", "xtask/src/test/hygiene/words.rs"];

/// The words in the file `name` that are not used here, each with its line.
pub(super) fn complaints(name: &Path, text: &str) -> Vec<String> {
    if is_in(name, FREE) {
        return Vec::new();
    }
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.to_lowercase()));
    lines
        .flat_map(|(number, line)| {
            let found = WORDS.iter().filter(move |(word, _)| has(&line, word));
            found.map(move |(word, instead)| format!("{}:{number}: '{word}': write {instead}", name.display()))
        })
        .collect()
}

fn is_in(name: &Path, places: &[&str]) -> bool {
    places.iter().any(|place| name.starts_with(place))
}

/// Whether `line` has `word`, and not only as a part of a longer one or of code (`in step.next()`).
fn has(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let is_code = after.strip_prefix('.').is_some_and(|rest| rest.starts_with(is_part));
        !before.ends_with(is_part) && !after.starts_with(is_part) && !is_code
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_refused_as_a_whole_with_its_line_and_what_to_write() {
        let found = complaints(
            Path::new("docs/a.md"),
            "ok\nA Sealed file, unsealed\nzookeeper\nin steps\nfor a in step.all() {}\n",
        );
        assert_eq!(found, ["docs/a.md:2: 'sealed': write encrypted"]);
        let found = complaints(Path::new("docs/a.md"), "in_step(), in step.\n`nobody`'s, but nobody_is_left\n");
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn data_of_others_may_hold_any_word() {
        assert!(complaints(Path::new("tests/damage/museum/anki/README.md"), "a keeper\n").is_empty());
    }
}
