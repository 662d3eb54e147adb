//! Methods and paths that are not the usual ones.

use mini_pra_tests::Body;

use crate::site::Site;

const READING: [&str; 10] = [
    "/",
    "/health",
    "/ready",
    "/count",
    "/consultation",
    "/status",
    "/recovery",
    "/metrics",
    "/events",
    "/openapi.json",
];

#[test]
fn head_is_get_without_the_body() {
    let site = Site::any();
    for path in READING {
        let get = site.client.get(path).expect(200);
        let head = site.client.request("HEAD", path).send(Body::None).expect(200);
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn head_of_the_route_that_writes_is_refused_and_adds_nothing() {
    let site = Site::any();
    let before = site.count();
    let refused = site.client.request("HEAD", "/add?message=x").send(Body::None).expect(405);
    assert_eq!(refused.header("allow"), "GET");
    assert_eq!(site.count(), before);
}

#[test]
fn a_method_that_a_route_has_not_is_refused_and_the_others_are_named() {
    let site = Site::any();
    for path in READING.into_iter().chain(["/add", "/events/1"]) {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "POST", "PROPFIND"] {
            if (path, method) == ("/events", "POST") {
                continue;
            }
            let answer = site.client.request(method, path).send(Body::None).expect_problem(405);
            let allowed = match path {
                "/events" => "GET, HEAD, POST",
                "/add" => "GET",
                _ => "GET, HEAD",
            };
            assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        }
    }
}

#[test]
fn a_route_that_does_not_exist_is_not_found() {
    let site = Site::any();
    for path in ["/nothing", "/Count", "/count/", "/events/1/2", "/events/", "//count", "/index.html", "/data/app.db"] {
        site.client.get(path).expect_problem(404);
    }
}

#[test]
fn the_trigger_answers_its_own_health_check() {
    let Some(site) = Site::own() else { return };
    site.client.get("/.well-known/spin/health").expect(200);
    assert!(!site.data().database().exists());
}

#[test]
fn an_answer_is_never_kept_by_a_cache() {
    let site = Site::any();
    for path in ["/add", "/count", "/status", "/nothing"] {
        assert_eq!(site.client.get(path).header("cache-control"), "no-store", "{path}");
    }
}
