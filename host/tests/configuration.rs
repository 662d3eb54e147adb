//! What keeps the host from starting, and what it says about it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::Application;

fn words(output: std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_label_without_a_file_is_refused_at_the_start_with_what_to_add() {
    let application = Application::new("sqlite_databases = [\"default\", \"backups\"]", "");
    std::fs::write(application.path("app.wasm"), "").unwrap();
    let words = words(application.refused(&[]));
    assert!(words.contains("spin.toml:9: component.app.sqlite_databases: label \"backups\" has no file"), "{words}");
    assert!(words.contains("[sqlite_database.backups]"), "{words}");
    assert!(!words.contains("\"default\" has no file"), "{words}");
}

#[test]
fn mistakes_of_all_files_are_reported_at_once() {
    let application = Application::new("key_value_stores = [\"default\"]\nsurce = \"a\"", "colour = 1");
    let words = words(application.refused(&["--variable", "unknown=1"]));
    for expected in [
        "spin.toml:9: component.app.key_value_stores: host does not support this: run the application under spin",
        "spin.toml:10: component.app.surce: unknown key",
        "there is no file 'app.wasm': build it first",
        "runtime-config.toml:1: colour: unknown key",
        "variables: --variable unknown=… is not declared here",
    ] {
        assert!(words.contains(expected), "{expected:?} is missing in:\n{words}");
    }
}

#[test]
fn an_import_that_the_host_does_not_have_is_named() {
    let application = Application::guest("redis");
    let output = application.refused(&[]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("failed to link component 'app'"), "{words}");
    assert!(words.contains("fermyon:spin/redis@2.0.0"), "{words}");
}

#[test]
fn a_secret_given_in_the_environment_is_in_no_message() {
    let application = Application::new("surce = \"a\"", "");
    let output = application.command().env("SPIN_VARIABLE_API_TOKEN", "open-sesame").output().unwrap();
    assert!(!words(output).contains("open-sesame"));
}

#[test]
fn a_taken_port_is_an_error_and_not_another_port() {
    let application = Application::guest("silent");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = application.refused(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains(&format!("failed to listen on {address}")), "{words}");
}
