//! The Markdown files: each link leads somewhere, the book holds every page, and the front page is short.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};

use super::markdown::Document;
use crate::docs::{SOURCE, SUMMARY};

/// The first page that a stranger reads.
const FRONT: &str = "README.md";

/// It must be read in five minutes.
const MAX_FRONT: usize = 8 * 1024;

/// The repository's Markdown files, by their path from its root.
pub(super) struct Documents {
    root: PathBuf,
    all: BTreeMap<PathBuf, Document>,
}

impl Documents {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), all: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, name: &Path, text: &str) {
        self.all.insert(name.to_path_buf(), Document::parse(text));
    }

    /// What is wrong with them, each with its file.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.bad_links();
        complaints.extend(self.not_in_the_book());
        let size = self.all.get(Path::new(FRONT)).map_or(0, |front| front.size);
        if size > MAX_FRONT {
            complaints
                .push(format!("{FRONT}: {size} bytes, at most {MAX_FRONT} are allowed: the rest belongs in {SOURCE}/"));
        }
        complaints
    }

    fn bad_links(&self) -> Vec<String> {
        let links = self.all.iter().flat_map(|(name, document)| document.links.iter().map(move |link| (name, link)));
        links
            .filter_map(|(name, link)| {
                let why = self.complaint(name, &link.target)?;
                Some(format!("{}:{}: '{}' {why}", name.display(), link.line, link.target))
            })
            .collect()
    }

    /// What is wrong with a link to `target` in the file `name`.
    fn complaint(&self, name: &Path, target: &str) -> Option<String> {
        if is_elsewhere(target) {
            return None;
        }
        let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
        let file = if path.is_empty() { Some(name.to_path_buf()) } else { resolve(name, path) };
        let Some(file) = file else { return Some("leads out of the repository".to_owned()) };
        if !self.root.join(&file).exists() {
            return Some("leads to a file that does not exist".to_owned());
        }
        let document = self.all.get(&file);
        let in_book = |path: &Path| path.starts_with(SOURCE);
        if in_book(name) && document.is_some() && !in_book(&file) {
            return Some(format!(
                "leads to a page that is not in the book: name it without a link, or move it to {SOURCE}/"
            ));
        }
        if in_book(name) && self.root.join(&file).is_dir() {
            return Some("leads to a folder, for which the book has no page".to_owned());
        }
        match (anchor, document) {
            (None, _) => None,
            (Some(anchor), Some(document)) if document.anchors.contains(anchor) => None,
            (Some(_), Some(_)) => Some("leads to a heading that does not exist".to_owned()),
            (Some(_), None) => Some("has an anchor, and is no Markdown".to_owned()),
        }
    }

    /// Pages that the summary lacks or has twice.
    fn not_in_the_book(&self) -> Vec<String> {
        let summary = Path::new(SOURCE).join(SUMMARY);
        let Some(listed) = self.all.get(&summary) else {
            return vec![format!("{} does not exist", summary.display())];
        };
        let mut seen = HashSet::new();
        let targets = listed.links.iter().filter_map(|link| resolve(&summary, &link.target));
        let mut complaints: Vec<_> = targets
            .filter(|target| !seen.insert(target.clone()))
            .map(|target| format!("{}: '{}' is listed twice", summary.display(), target.display()))
            .collect();
        let pages = self.all.keys().filter(|name| name.starts_with(SOURCE) && **name != summary);
        let missing = pages.filter(|page| !seen.contains(*page));
        complaints.extend(missing.map(|page| format!("{}: not in {}", page.display(), summary.display())));
        complaints
    }
}

/// The files outside of the book's folder that its pages lead to, from the repository's root.
pub(super) fn linked_from_the_book(pages: &[(PathBuf, String)]) -> BTreeSet<PathBuf> {
    let targets = pages.iter().flat_map(|(name, text)| {
        let links = Document::parse(text).links.into_iter().filter(|link| !is_elsewhere(&link.target));
        links.filter_map(move |link| resolve(name, link.target.split('#').next().filter(|path| !path.is_empty())?))
    });
    targets.filter(|target| !target.starts_with(SOURCE)).collect()
}

/// Whether a link leads to another site. Such links are not followed: the test needs no network.
fn is_elsewhere(target: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

/// The file that `path` in the file `name` means, from the repository's root; none where it is outside of it.
pub(super) fn resolve(name: &Path, path: &str) -> Option<PathBuf> {
    let mut resolved = name.parent()?.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => resolved.push(part),
            Component::CurDir => {}
            Component::ParentDir => resolved.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with these files, and what is wrong with them.
    fn complaints(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut documents = Documents::new(folder.path());
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            if name.ends_with(".md") {
                documents.add(Path::new(name), text);
            }
        }
        documents.complaints()
    }

    const SUMMARY_OF_A: (&str, &str) = ("docs/SUMMARY.md", "[A](a.md)\n");

    #[test]
    fn links_that_resolve_are_no_complaint() {
        let a = "# A\n\n## B c\n\n[b](#b-c) [up](../k8s/a.yaml) [self](a.md#a) [out](https://example.org/#x)\n";
        let front = ("README.md", "[a](docs/a.md#b-c), [k8s](k8s), ![picture](docs/a.png)\n");
        let found = complaints(&[front, ("docs/a.md", a), ("k8s/a.yaml", ""), ("docs/a.png", ""), SUMMARY_OF_A]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_link_to_a_missing_file_or_heading_is_a_complaint_with_its_line() {
        let a = "# A\n\n[x](b.md)\n[y](#z)\n[z](../../a.md)\n[r][ref]\n\n[ref]: nowhere.txt\n";
        let found = complaints(&[("docs/a.md", a), SUMMARY_OF_A]);
        assert_eq!(
            found,
            [
                "docs/a.md:3: 'b.md' leads to a file that does not exist",
                "docs/a.md:4: '#z' leads to a heading that does not exist",
                "docs/a.md:5: '../../a.md' leads out of the repository",
                "docs/a.md:6: 'nowhere.txt' leads to a file that does not exist",
            ]
        );
    }

    #[test]
    fn a_page_of_the_book_leads_to_no_page_outside_of_it_and_to_no_folder() {
        let a = "[x](../README.md)\n[y](../k8s)\n";
        let found = complaints(&[("README.md", ""), ("k8s/a.yaml", ""), ("docs/a.md", a), SUMMARY_OF_A]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("not in the book") && found[1].contains("a folder"), "{found:?}");
    }

    #[test]
    fn each_page_is_in_the_summary_once() {
        let summary = ("docs/SUMMARY.md", "[A](a.md)\n[A again](a.md)\n");
        let found = complaints(&[("docs/a.md", ""), ("docs/x/b.md", ""), summary]);
        assert_eq!(found, ["docs/SUMMARY.md: 'docs/a.md' is listed twice", "docs/x/b.md: not in docs/SUMMARY.md"]);
        assert_eq!(complaints(&[]), ["docs/SUMMARY.md does not exist"]);
    }

    #[test]
    fn a_long_front_page_is_a_complaint() {
        let long = "x".repeat(MAX_FRONT + 1);
        let found = complaints(&[("README.md", &long), ("docs/a.md", ""), SUMMARY_OF_A]);
        assert!(found.len() == 1 && found[0].starts_with("README.md: 8193 bytes"), "{found:?}");
    }

    #[test]
    fn what_the_book_leads_to_outside_of_its_folder_is_known() {
        let text = "[a](../../k8s/a.yaml#x) [b](../b.md) [c](https://c) [d](#e)".to_owned();
        let pages = [(PathBuf::from("docs/x/a.md"), text)];
        assert_eq!(linked_from_the_book(&pages), BTreeSet::from([PathBuf::from("k8s/a.yaml")]));
    }
}
