//! The workshop's routes, with its JSON to the byte.

use mini_pra_tests::{Answer, wait_until};

use crate::site::{Site, is_instant, unique};

#[track_caller]
fn assert_json(answer: Answer, expected: &str) {
    let answer = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.text(), expected);
}

#[test]
fn home_says_bonjour() {
    assert_json(Site::any().client.get("/"), r#"{"status":"Bonjour tout le monde !"}"#);
}

#[test]
fn health_is_ok() {
    assert_json(Site::any().client.get("/health"), r#"{"status":"ok"}"#);
}

#[test]
fn health_does_not_touch_the_database() {
    let Some(site) = Site::own() else { return };
    site.client.get("/health").expect(200);
    assert!(!site.data().database().exists());
}

#[test]
fn add_answers_with_status_timestamp_and_message() {
    let answer = Site::any().client.get("/add?message=d%C3%A9j%C3%A0+vu%21").expect(200);
    let timestamp = answer.json()["timestamp"].as_str().unwrap().to_owned();
    assert!(is_instant(&timestamp), "{timestamp}");
    assert_json(answer, &format!(r#"{{"status":"added","timestamp":"{timestamp}","message":"déjà vu!"}}"#));
}

#[test]
fn a_message_is_hello_unless_given_and_an_empty_one_stays_empty() {
    let site = Site::any();
    assert_eq!(site.client.get_json("/add")["message"], "hello");
    assert_eq!(site.client.get_json("/add?message=")["message"], "");
    assert_eq!(site.client.get_json("/add?message")["message"], "");
    assert_eq!(site.client.get_json("/consultation")[0]["message"], "");
}

#[test]
fn count_is_the_number_of_events() {
    let site = Site::any();
    let before = site.count();
    for _ in 0..3 {
        site.client.get("/add").expect(200);
    }
    assert_json(site.client.get("/count"), &format!(r#"{{"count":{}}}"#, before + 3));
}

#[test]
fn consultation_shows_the_last_fifty_newest_first() {
    let site = Site::any();
    let name = unique("shown");
    for number in 0..52 {
        site.client.get(&format!("/add?message={name}-{number}")).expect(200);
    }
    let answer = site.client.get("/consultation").expect(200);
    let shown = answer.json();
    let shown = shown.as_array().unwrap();
    let messages: Vec<_> = shown.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<_> = (2..52).rev().map(|number| format!("{name}-{number}")).collect();
    assert_eq!(messages, expected);
    let ids: Vec<_> = shown.iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let first = &shown[0];
    let text =
        format!(r#"[{{"id":{},"timestamp":{},"message":{}}},"#, first["id"], first["timestamp"], first["message"]);
    assert!(answer.text().starts_with(&text), "{}", answer.text());
}

#[test]
fn consultation_of_an_empty_database_is_an_empty_list() {
    let Some(site) = Site::own() else { return };
    assert_json(site.client.get("/consultation"), "[]");
    assert_json(site.client.get("/count"), r#"{"count":0}"#);
}

#[test]
fn what_one_request_adds_the_next_one_sees_from_eight_clients_at_once() {
    let Some(site) = Site::own() else { return };
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let client = site.client.clone();
            scope.spawn(move || {
                for number in 0..25 {
                    let message = format!("w{writer}-{number}");
                    client.get(&format!("/add?message={message}")).expect(200);
                    let seen = client.get("/consultation").expect(200).text();
                    assert!(seen.contains(&format!("\"{message}\"")), "{message} is not in {seen}");
                }
            });
        }
    });
    assert_eq!(site.count(), 200);
    assert_eq!(site.data().open().events().len(), 200);
}

#[test]
fn the_data_outlives_the_server_however_it_ends() {
    let Some(mut site) = Site::own() else { return };
    site.client.get("/add?message=before").expect(200);
    let port = site.host().port();
    site.host().process().kill();
    wait_until("the port to be free", || std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
    let again = mini_pra_tests::Host::options().port(port).start(site.data());
    assert_eq!(again.client().get_json("/consultation")[0]["message"], "before");
    assert!(again.stop().success());
}
