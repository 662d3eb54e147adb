//! Which of two media types a client would rather have (RFC 9110, section 12.5.1).

/// Whether the `Accept` header asks for HTML more than for JSON: browsers name it, and `curl` takes anything.
pub(crate) fn prefers_html(accept: &[&[u8]]) -> bool {
    let ranges: Vec<_> = accept
        .iter()
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::parse)
        .collect();
    weight(&ranges, "text", "html") > weight(&ranges, "application", "json")
}

/// A media range and its weight, in thousandths.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    /// `None` where it is none: then it asks for nothing.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut weight = 1_000;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if name.trim().eq_ignore_ascii_case("q") {
                weight = thousandths(value.trim())?;
            }
        }
        Some(Self { kind, subtype, weight })
    }

    /// How exactly it names a type; `None` where it does not.
    fn precision(&self, kind: &str, subtype: &str) -> Option<u8> {
        let named = |own: &str, other: &str| own.eq_ignore_ascii_case(other);
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (own, "*") => named(own, kind).then_some(1),
            (own, own_subtype) => (named(own, kind) && named(own_subtype, subtype)).then_some(2),
        }
    }
}

/// The weight of a type: that of the range that names it most exactly.
fn weight(ranges: &[Range<'_>], kind: &str, subtype: &str) -> u16 {
    let naming = ranges.iter().filter_map(|range| Some((range.precision(kind, subtype)?, range.weight)));
    naming.max().map_or(0, |(_, weight)| weight)
}

/// A weight: 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn html(accept: &str) -> bool {
        prefers_html(&[accept.as_bytes()])
    }

    #[test]
    fn browsers_get_html_and_programs_get_json() {
        assert!(html("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"));
        assert!(html("text/html"));
        assert!(html("TEXT/HTML; charset=utf-8"));
        assert!(html("text/*"));
        for program in
            ["*/*", "", "application/json", "application/json, text/plain, */*", "application/*", "image/png"]
        {
            assert!(!html(program), "{program}");
        }
        assert!(!prefers_html(&[]), "no header at all");
        assert!(prefers_html(&[b"application/json;q=0.1", b"text/html"]), "several fields are one list");
    }

    #[test]
    fn weights_decide_and_the_most_exact_range_has_the_say() {
        assert!(html("text/html;q=0.9, application/json;q=0.8"));
        assert!(!html("text/html;q=0.8, application/json;q=0.9"));
        assert!(!html("text/html, application/json"), "as good as the other: what programs have always got");
        assert!(!html("text/html;q=0"));
        assert!(!html("text/html;q=0.5, */*"));
        assert!(!html("text/*, text/html;q=0.2, application/json;q=0.3"));
        assert!(html("*/*;q=0.1, text/html;q=0.101"));
    }

    #[test]
    fn a_weight_that_is_none_asks_for_nothing() {
        for weight in ["2", "1.001", "0.1234", "-1", "x", "", "0.x", "1.", "0."] {
            assert_eq!(thousandths(weight).is_some(), ["1.", "0."].contains(&weight), "{weight}");
        }
        assert!(!html("text/html;q=2"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(accept: Vec<u8>) {
            prefers_html(&[&accept]);
        }
    }
}
