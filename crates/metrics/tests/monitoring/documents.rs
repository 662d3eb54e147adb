//! The table of metrics in the documentation.

use crate::repository::{assert_is, read};

const DOCUMENT: &str = "docs/monitoring.md";
const BEGIN: &str = "<!-- metrics: made from crates/metrics/src/declared.rs -->\n";
const END: &str = "<!-- end of metrics -->\n";

#[test]
fn the_table_in_the_documentation_is_made_from_the_declarations() {
    let text = read(DOCUMENT);
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    assert_is(DOCUMENT, &[before, BEGIN, "\n", &pra_metrics::markdown(), "\n", END, after].concat());
}
