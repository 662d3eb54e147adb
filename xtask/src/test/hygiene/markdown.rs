//! What a Markdown file links to, and what can be linked to in it.

use std::collections::{HashMap, HashSet};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A Markdown file as its readers and other files see it.
pub(super) struct Document {
    pub(super) links: Vec<Link>,
    /// Of its headings, by GitHub's rule.
    pub(super) anchors: HashSet<String>,
    pub(super) size: usize,
}

pub(super) struct Link {
    pub(super) line: usize,
    pub(super) target: String,
}

impl Document {
    pub(super) fn parse(text: &str) -> Self {
        let mut links = Vec::new();
        let mut anchors = HashSet::new();
        let mut repeated = HashMap::new();
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text.bytes().take(range.start).filter(|byte| *byte == b'\n').count() + 1;
                    links.push(Link { line, target: dest_url.into_string() });
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let plain = slug(&heading.take().unwrap_or_default());
                    let before = repeated.entry(plain.clone()).or_insert(0_usize);
                    anchors.insert(if *before == 0 { plain } else { format!("{plain}-{before}") });
                    *before += 1;
                }
                _ => {}
            }
        }
        Self { links, anchors, size: text.len() }
    }
}

/// The anchor of a heading: lower case, without punctuation, a hyphen for each space.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        Document::parse(text).links.into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn anchors_are_made_as_github_makes_them() {
        let text = "# What it says\n## `backup-job`, or not?\n## Étape 4.1 : le *vrai*\n## a_b\n## a_b\n## a_b\n";
        let wanted = ["what-it-says", "backup-job-or-not", "étape-41--le-vrai", "a_b", "a_b-1", "a_b-2"];
        assert_eq!(Document::parse(text).anchors, wanted.map(str::to_owned).into());
    }

    #[test]
    fn links_and_pictures_are_found_and_code_is_left_out() {
        let text = "[a](b.md \"c\") ![d](e.png)\n\n| t |\n|---|\n| [f](g.md) |\n\n`[h](i.md)`\n\n```\n[j](k.md)\n```\n\n    [l](m)\n";
        assert_eq!(targets(text), ["b.md", "e.png", "g.md"]);
    }

    #[test]
    fn a_heading_in_code_has_no_anchor() {
        assert!(Document::parse("```console\n# systemctl\n```\n").anchors.is_empty());
    }
}
