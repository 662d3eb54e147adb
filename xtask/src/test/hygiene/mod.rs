//! What no compiler notices: long files, files that nothing compiles, old words; commands, links, tables and excerpts of
//! code in the documents that are not true.

mod documents;
mod excerpts;
mod generated;
mod markdown;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;

use self::documents::Documents;
use super::compiled;
use crate::cli::Cli;
use crate::docs::SOURCE;
use crate::workspace;

/// A longer file is hard to read.
const MAX_LINES: usize = 500;

pub(super) fn check(_filter: Option<&str>) -> Result<()> {
    let mut files = Vec::new();
    walk(workspace::root(), &mut files)?;
    let mut complaints = generated::complaints()?;
    complaints.extend(old_words(&files)?);
    let mut documents = Documents::new(workspace::root());
    let compiled = compiled::files()?;
    for file in files.iter().filter(|file| is_source(file)) {
        let text = read(file)?;
        let path = file.strip_prefix(workspace::root()).unwrap_or(file);
        let name = path.display();
        if has_extension(file, "rs") {
            let lines = text.lines().count();
            if lines > MAX_LINES {
                complaints.push(format!("{name}: {lines} lines, at most {MAX_LINES} are allowed"));
            }
            if !compiled.contains(file) {
                complaints.push(format!("{name}: no target compiles it"));
            }
        } else {
            let bad = commands(&text).into_iter().filter_map(|line| complaint(&line));
            complaints.extend(bad.map(|why| format!("{name}: {why}")));
            complaints.extend(excerpts::complaints(workspace::root(), path, &text));
            documents.add(path, &text);
        }
    }
    complaints.extend(documents.complaints());
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("{}", complaints.join("\n"))
}

/// The words that are not used any more, in all files that are text.
fn old_words(files: &[PathBuf]) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("failed to read '{}'", file.display()))?;
        // What is not UTF-8 is data.
        if let Ok(text) = str::from_utf8(&bytes) {
            complaints.extend(words::complaints(file.strip_prefix(workspace::root()).unwrap_or(file), text));
        }
    }
    Ok(complaints)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read '{}'", file.display()))
}

/// The files outside of the book's folder that its pages lead to, from the repository's root.
///
/// # Errors
/// Where a page cannot be read.
pub(crate) fn linked_from_the_book() -> Result<BTreeSet<PathBuf>> {
    let mut files = Vec::new();
    walk(&workspace::root().join(SOURCE), &mut files)?;
    let pages = files.into_iter().filter(|file| is_source(file)).map(|file| {
        let text = read(&file)?;
        Ok((file.strip_prefix(workspace::root()).unwrap_or(&file).to_path_buf(), text))
    });
    Ok(documents::linked_from_the_book(&pages.collect::<Result<Vec<_>>>()?))
}

/// All files below `folder`, without what is built, hidden or data.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list '{}'", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("failed to list '{}'", folder.display()))?;
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let not_source =
            folder == workspace::root() && ["target", "var", "data", "backup"].iter().any(|own| name == *own);
        if entry.file_type().with_context(|| format!("failed to look at '{}'", path.display()))?.is_dir() {
            if !hidden && !not_source {
                walk(&path, files)?;
            }
        } else if !hidden {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether it is Rust or Markdown.
fn is_source(path: &Path) -> bool {
    has_extension(path, "rs") || has_extension(path, "md")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

/// The `cargo xtask` commands in the code blocks of a document, without comments.
fn commands(document: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in document.lines() {
        let line = line.trim();
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let command = line.split(" #").next().unwrap_or(line).trim();
            commands
                .extend(command.starts_with("cargo xtask").then(|| command.trim_end_matches('&').trim().to_owned()));
        }
    }
    commands
}

fn complaint(command: &str) -> Option<String> {
    let words = command.split_whitespace().skip(1);
    match Cli::try_parse_from(words) {
        Err(error) if error.use_stderr() => Some(format!("`{command}` is refused: {error}")),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_code_blocks_only() {
        let text =
            "cargo xtask prose\n```console\n$ cargo xtask up --port 0   # any port\ncargo build\n```\ncargo xtask no\n";
        assert_eq!(commands(text), ["cargo xtask up --port 0"]);
    }

    #[test]
    fn a_command_that_does_not_exist_is_a_complaint() {
        assert!(complaint("cargo xtask up --port 8080 --every 10s").is_none());
        assert!(complaint("cargo xtask up --help").is_none());
        assert!(complaint("cargo xtask fly").is_some());
        assert!(complaint("cargo xtask up --prot 8080").is_some());
    }
}
