//! Whether a request that writes comes from a web page of another site, and whether its body may be JSON.
//!
//! A browser sends a form, an image's address or a script's request to any site that a page names, with the user's
//! network and credentials. It says so: in `Sec-Fetch-Site` where the server is reached by HTTPS or on the same
//! machine, in `Origin` with every POST. Programs send neither. The rule is that of Go's `http.CrossOriginProtection`.

use super::{Problem, Request};

/// What `POST /events` reads.
const JSON: [&str; 2] = ["application/json", "application/x-ndjson"];

/// What `curl -d` says of any body.
const FORM: &str = "application/x-www-form-urlencoded";

/// Lets a request pass that no page of another site can have sent.
///
/// # Errors
/// 403.
pub(crate) fn same_site(request: &Request) -> Result<(), Problem> {
    if !request.header_values("sec-fetch-site").is_empty() {
        return match request.header("sec-fetch-site") {
            // `none`: the user typed the address.
            Some(b"same-origin" | b"none") => Ok(()),
            _ => Err(foreign()),
        };
    }
    if request.header_values("origin").is_empty() || is_own(request) { Ok(()) } else { Err(foreign()) }
}

/// Lets a body pass that says it is JSON. A form, or a body without a type, passes where no browser sent it: it is what
/// `curl -d` and simple programs send.
///
/// # Errors
/// 415.
pub(crate) fn json_body(request: &Request) -> Result<(), Problem> {
    let types = request.header_values("content-type");
    let essence = |value: &[u8]| {
        let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        String::from_utf8_lossy(kind).to_ascii_lowercase()
    };
    let fits = match types.as_slice() {
        [] => !by_browser(request),
        [one] => match essence(one).as_str() {
            FORM => !by_browser(request),
            kind => JSON.contains(&kind),
        },
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let detail = "a body is 'application/json' or 'application/x-ndjson': set the Content-Type";
    Err(Problem::new(415, "no-json", detail).with_header("accept", JSON.join(", ")))
}

fn by_browser(request: &Request) -> bool {
    ["origin", "sec-fetch-site"].iter().any(|name| !request.header_values(name).is_empty())
}

/// Whether the one `Origin` names the host that the request was sent to. The scheme is not compared: what ends TLS in
/// front of a server takes it away.
fn is_own(request: &Request) -> bool {
    let origin = request.header("origin").and_then(|origin| std::str::from_utf8(origin).ok());
    let named = origin.and_then(|origin| Some(origin.split_once("://")?.1));
    matches!((named, &request.authority), (Some(named), Some(own)) if named.eq_ignore_ascii_case(own))
}

fn foreign() -> Problem {
    Problem::new(403, "cross-site", "a web page of another site may not write here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let authority = headers.iter().find(|(name, _)| *name == "Host").map(|(_, host)| (*host).to_owned());
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Request { method: "POST".to_owned(), target: "/events".to_owned(), authority, headers: headers.collect() }
    }

    #[test]
    fn a_program_and_a_page_of_the_same_site_may_write() {
        for headers in [
            &[][..],
            &[("Host", "a:3000"), ("Origin", "http://a:3000")],
            &[("Host", "a"), ("Origin", "https://A")],
            &[("Sec-Fetch-Site", "same-origin")],
            &[("Sec-Fetch-Site", "none")],
            // Behind a proxy that writes another Host, the browser's own word counts.
            &[("Host", "localhost:3000"), ("Origin", "https://a.example"), ("Sec-Fetch-Site", "same-origin")],
        ] {
            assert!(same_site(&request(headers)).is_ok(), "{headers:?}");
        }
    }

    #[test]
    fn a_page_of_another_site_may_not_write() {
        for headers in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[("Sec-Fetch-Site", "same-site")],
            &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")],
            &[("Host", "a:3000"), ("Origin", "http://a:3000"), ("Sec-Fetch-Site", "cross-site")],
            &[("Host", "a:3000"), ("Origin", "http://evil.example")],
            &[("Host", "a:3000"), ("Origin", "http://a:3001")],
            &[("Host", "a:3000"), ("Origin", "null")],
            &[("Host", "a"), ("Origin", "http://a"), ("Origin", "http://b")],
            &[("Origin", "http://a")],
        ] {
            assert!(same_site(&request(headers)).is_err(), "{headers:?}");
        }
    }

    #[test]
    fn a_body_is_json_by_its_type() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x-ndjson", FORM] {
            assert!(json_body(&request(&[("Content-Type", kind)])).is_ok(), "{kind}");
        }
        assert!(json_body(&request(&[])).is_ok());
        for kind in ["text/plain", "multipart/form-data; boundary=x", "", "application/jsonp", "json"] {
            assert!(json_body(&request(&[("Content-Type", kind)])).is_err(), "{kind}");
        }
        let twice = [("Content-Type", "application/json"), ("Content-Type", "text/plain")];
        assert!(json_body(&request(&twice)).is_err());
    }

    #[test]
    fn a_browser_has_to_say_json() {
        for sign in [("Origin", "http://a"), ("Sec-Fetch-Site", "same-origin")] {
            assert!(json_body(&request(&[sign])).is_err());
            assert!(json_body(&request(&[sign, ("Content-Type", FORM)])).is_err());
            assert!(json_body(&request(&[sign, ("Content-Type", "application/json")])).is_ok());
        }
    }
}
