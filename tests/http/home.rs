//! `/`: the workshop's greeting, and the dashboard for browsers. How that looks and behaves: `tests/dashboard`.

use mini_pra_tests::{Answer, Body};

use crate::site::Site;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

fn home(site: &Site, accept: &str) -> Answer {
    site.client.request("GET", "/").header("Accept", accept).send(Body::None).expect(200)
}

#[test]
fn curl_gets_the_greeting_and_a_browser_the_dashboard() {
    let site = Site::any();
    for accept in ["*/*", "application/json", "text/html, application/json", "text/html;q=0.5, */*"] {
        let greeting = home(&site, accept);
        assert_eq!(greeting.text(), "{\"status\":\"Bonjour tout le monde !\"}", "{accept}");
        assert_eq!((greeting.header("content-type"), greeting.header("vary")), ("application/json", "Accept"));
    }
    for accept in [BROWSER, "text/html", "application/json;q=0.9, text/html"] {
        let page = home(&site, accept);
        assert_eq!(
            (page.header("content-type"), page.header("vary")),
            ("text/html; charset=utf-8", "Accept"),
            "{accept}"
        );
        assert!(page.text().starts_with("<!doctype html>"), "{accept}");
    }
}

#[test]
fn the_dashboard_may_load_nothing_and_ask_nobody_else() {
    let page = home(&Site::any(), BROWSER);
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part} is missing in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
}
