//! The dashboard: one page, made of the files of this folder, that shows `/recovery` and follows it.
//!
//! Its policy allows only its own style and script, named by their hashes, and requests to its own origin. All data is
//! set as text, never as HTML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::http::Response;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("style.css"), include_str!("timeline.css"));
/// One module. What comes first is used by what comes later.
const SCRIPT: &str = concat!(
    include_str!("words.js"),
    include_str!("elements.js"),
    include_str!("verdict.js"),
    include_str!("tables.js"),
    include_str!("commands.js"),
    include_str!("charts.js"),
    include_str!("timeline.js"),
    include_str!("instants.js"),
    include_str!("follow.js"),
);

/// `GET /`, for a browser.
pub(crate) fn page() -> Response {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        source(STYLE),
        source(SCRIPT)
    );
    Response::text(200, "text/html; charset=utf-8", html().into_bytes())
        .with_header("content-security-policy", policy)
        .with_header("x-content-type-options", "nosniff".to_owned())
        .with_header("referrer-policy", "no-referrer".to_owned())
}

fn html() -> String {
    PAGE.replace("/* style */", STYLE).replace("/* script */", SCRIPT)
}

/// The hash by which a policy names the text between two tags.
fn source(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_exactly_what_is_in_the_page() {
        let html = html();
        let policy = page().header("content-security-policy").unwrap().to_owned();
        for (tag, before) in [("style", "<style>"), ("script", "<script type=\"module\">")] {
            let (_, rest) = html.split_once(before).unwrap();
            let (inside, rest) = rest.split_once(&format!("</{tag}>")).unwrap();
            assert!(policy.contains(&source(inside)), "{tag}");
            assert!(!rest.contains(&format!("<{tag}")), "there is one {tag}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_sets_no_html() {
        let html = html();
        for foreign in
            ["http://", "https://", "//cdn", "src=", "@import", "url(", "innerHTML", "outerHTML", "insertAdj"]
        {
            assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(foreign), "{foreign}");
        }
        assert!(!html.contains("style=\""), "the policy would refuse it");
    }
}
