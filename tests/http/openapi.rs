//! `/openapi.json`: that it names every route. Whether it is true, schemathesis finds out.

use std::collections::BTreeSet;

use crate::site::Site;

#[test]
fn the_description_names_every_route() {
    let answer = Site::any().client.get("/openapi.json").expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{}", document["openapi"]);
    let paths: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "/",
        "/add",
        "/consultation",
        "/count",
        "/events",
        "/events/{id}",
        "/health",
        "/metrics",
        "/openapi.json",
        "/ready",
        "/recovery",
        "/runbook/{page}",
        "/status",
    ];
    assert_eq!(paths, BTreeSet::from(expected));
    assert!(document["paths"]["/events"]["post"].is_object());
}
