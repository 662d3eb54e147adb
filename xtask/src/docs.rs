//! `cargo xtask docs`: the documentation as a book with a search.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{test, tools, workspace};

/// The folder of the pages, as `book.toml` names it.
pub(crate) const SOURCE: &str = "docs";

/// The list of the pages, in their order.
pub(crate) const SUMMARY: &str = "SUMMARY.md";

/// In the version that the book was last looked at with; without its web server, which nothing here needs.
const MDBOOK: &[&str] = &["mdbook@0.5.4", "--no-default-features", "--features", "search"];

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  cargo xtask docs\n\nThe book is in target/book. The first time, `mdbook` is built, which takes minutes."
)]
pub(crate) struct Args {}

/// Builds the book, with the files beside it that its pages lead to.
///
/// # Errors
/// Where `mdbook` cannot be installed, or a page cannot be read or written.
pub(crate) fn run(_args: Args) -> Result<()> {
    let mdbook = tools::from_crates("mdbook", MDBOOK)?;
    let book = workspace::target_dir().join("book");
    // The pages are in it as they are in the repository, so that a link out of their folder leads to the same file.
    let pages = book.join(SOURCE);
    tools::run(Command::new(mdbook).arg("build").arg("--dest-dir").arg(&pages).arg(workspace::root()))?;
    for file in test::linked_from_the_book()? {
        copy(&workspace::root().join(&file), &book.join(&file))?;
    }
    println!("{}", workspace::shown(&pages.join("index.html")).display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().with_context(|| format!("'{}' has no folder", to.display()))?;
    fs::create_dir_all(folder).with_context(|| format!("failed to make '{}'", folder.display()))?;
    fs::copy(from, to).with_context(|| format!("failed to copy '{}' to '{}'", from.display(), to.display()))?;
    Ok(())
}
