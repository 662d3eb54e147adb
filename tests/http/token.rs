//! `api_token`: who may write.

use mini_pra_tests::{Answer, Body, Data, Host};
use serde_json::json;

use crate::site::Site;

const TOKEN: &str = "s3cret-token";

#[track_caller]
fn post(site: &Site, authorization: Option<&str>) -> Answer {
    let request = site.client.request("POST", "/events");
    let request = authorization.into_iter().fold(request, |request, value| request.header("Authorization", value));
    request.send(Body::Json(&json!({ "message": "x" })))
}

fn guarded() -> Option<Site> {
    Site::own_with(Host::options().variable("api_token", TOKEN), Data::new())
}

#[test]
fn what_writes_needs_the_token_and_what_reads_does_not() {
    let Some(site) = guarded() else { return };
    for bad in [None, Some("Bearer wrong"), Some("Basic czNjcmV0LXRva2Vu"), Some("Bearer "), Some(TOKEN)] {
        let refused = post(&site, bad).expect_problem(401);
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    }
    site.client.get("/add?message=x").expect_problem(401);
    assert_eq!(site.count(), 0);
    let reading = ["/", "/health", "/ready", "/count", "/consultation", "/status", "/recovery", "/metrics", "/events"];
    for path in reading.into_iter().chain(["/openapi.json"]) {
        site.client.get(path).expect(200);
    }
    post(&site, Some(&format!("Bearer {TOKEN}"))).expect(201);
    let add = site.client.request("GET", "/add").header("Authorization", &format!("Bearer {TOKEN}"));
    add.send(Body::None).expect(200);
    assert_eq!(site.count(), 2);
}

#[test]
fn without_a_configured_token_everybody_may_write() {
    let Some(site) = Site::own() else { return };
    post(&site, None).expect(201);
    post(&site, Some("Bearer whatever")).expect(201);
}

#[test]
fn the_token_is_in_no_answer_and_in_no_log() {
    let Some(mut site) = guarded() else { return };
    let wrong = "Bearer nearly-s3cret-token-but-not";
    let answers = [post(&site, Some(wrong)), post(&site, None), site.client.get("/add"), site.client.get("/status")];
    for answer in answers {
        assert!(!format!("{:?} {}", answer.headers, answer.text()).contains(TOKEN));
    }
    let process = site.host().process();
    let arguments = std::fs::read(format!("/proc/{}/cmdline", process.pid())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&arguments).contains(TOKEN));
    assert!(!process.output().contains(TOKEN));
}
