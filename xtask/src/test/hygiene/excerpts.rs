//! Code in the documents: each excerpt is still in the file that the page names before it.

use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::documents::resolve;

/// A longer one is not read.
const MAX_LINES: usize = 12;

/// Marks lines that are left out.
const LEFT_OUT: &str = "// …";

struct Excerpt {
    line: usize,
    /// The last Rust file that the page links to before the excerpt, from the repository's root.
    file: Option<PathBuf>,
    text: String,
}

/// What is wrong with the Rust excerpts of the document `name`.
pub(super) fn complaints(root: &Path, name: &Path, document: &str) -> Vec<String> {
    let said = |excerpt: &Excerpt| {
        let why = complaint(root, excerpt)?;
        Some(format!("{}:{}: {why}", name.display(), excerpt.line))
    };
    excerpts(name, document).iter().filter_map(said).collect()
}

fn complaint(root: &Path, excerpt: &Excerpt) -> Option<String> {
    let Some(file) = &excerpt.file else { return Some("no link to a Rust file before this excerpt".to_owned()) };
    let lines = excerpt.text.lines().count();
    if lines > MAX_LINES {
        return Some(format!("an excerpt of {lines} lines, at most {MAX_LINES} are allowed"));
    }
    match std::fs::read_to_string(root.join(file)) {
        Ok(code) if holds(&code, &excerpt.text) => None,
        Ok(_) => Some(format!("this excerpt is not in '{}' any more", file.display())),
        Err(error) => Some(format!("failed to read '{}': {error}", file.display())),
    }
}

fn excerpts(name: &Path, document: &str) -> Vec<Excerpt> {
    let mut excerpts = Vec::new();
    let mut file = None;
    let mut inside = false;
    for (event, range) in Parser::new(document).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if dest_url.ends_with(".rs") => file = resolve(name, &dest_url),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if &*language == "rust" => {
                let line = document[..range.start].matches('\n').count() + 1;
                excerpts.push(Excerpt { line, file: file.clone(), text: String::new() });
                inside = true;
            }
            Event::Text(text) if inside => {
                if let Some(excerpt) = excerpts.last_mut() {
                    excerpt.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => inside = false,
            _ => {}
        }
    }
    excerpts
}

/// Whether `code` has the parts of the excerpt in their order, whatever the white space.
fn holds(code: &str, excerpt: &str) -> bool {
    let code = dense(code);
    let mut rest = code.as_str();
    excerpt.split(LEFT_OUT).map(dense).all(|part| match rest.split_once(&part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn a() {\n    one();\n    two();\n    three();\n}\n";

    fn found(page: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.rs"), CODE).unwrap();
        complaints(folder.path(), Path::new("docs/p.md"), page)
    }

    #[test]
    fn an_excerpt_is_found_whatever_its_white_space_and_with_lines_left_out() {
        assert_eq!(found("[a](../a.rs)\n\n```rust\nfn a() {\n  one();\n  // …\n  three(); }\n```\n"), [""; 0]);
        assert_eq!(found("```console\n$ not Rust\n```\n"), [""; 0]);
    }

    #[test]
    fn an_excerpt_that_the_file_has_not_or_of_no_file_or_too_long_is_a_complaint() {
        let says = |page: &str, what: &str| {
            let found = found(page);
            assert!(found.len() == 1 && found[0].contains(what), "{what}: {found:?}");
        };
        says("[a](../a.rs)\n\n```rust\nthree();\n// …\none();\n```\n", "docs/p.md:3: this excerpt is not in 'a.rs'");
        says("```rust\none();\n```\n", "docs/p.md:1: no link to a Rust file");
        says(&format!("[a](../a.rs)\n\n```rust\n{}```\n", "one();\n".repeat(13)), "13 lines, at most 12");
        says("[b](../b.rs)\n\n```rust\none();\n```\n", "failed to read 'b.rs'");
    }
}
