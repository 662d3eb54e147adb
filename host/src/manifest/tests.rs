use super::*;

const GOOD: &str = r#"
spin_manifest_version = 2
[application]
name = "app"
version = "1.0.0"
[variables]
token = { default = "", secret = true }
mode = { required = true }
[[trigger.http]]
route = "/..."
component = "events"
[[trigger.http]]
route = "/health"
component = "events"
[component.events]
source = "target/events.wasm"
files = [{ source = "assets", destination = "/assets" }]
sqlite_databases = ["default", "backups"]
allowed_outbound_hosts = ["http://127.0.0.1:9000"]
environment = { LANG = "C" }
[component.events.variables]
token = "{{ token }}"
[component.events.build]
command = "cargo build"
"#;

fn parse(text: &str) -> Result<Manifest, String> {
    let mut problems = Problems::default();
    let manifest = Manifest::parse(Path::new("/app/spin.toml"), text, &mut problems);
    problems.into_result().map(|()| manifest).map_err(|problems| problems.to_string())
}

fn refused(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not in the manifest");
    parse(&GOOD.replace(from, to)).err().unwrap_or_else(|| panic!("{to:?} was accepted"))
}

#[test]
fn a_manifest_like_ours_is_read_whole() {
    let manifest = parse(GOOD).unwrap();
    let routes: Vec<_> = manifest.routes.iter().map(|(route, component)| (route.raw(), component.as_str())).collect();
    assert_eq!(routes, [("/health", "events"), ("/...", "events")]);
    let component = &manifest.components["events"];
    assert_eq!(component.source, Path::new("/app/target/events.wasm"));
    let mount = Mount { source: "/app/assets".into(), destination: "/assets".to_owned() };
    assert_eq!(component.mounts, [mount]);
    assert_eq!(component.databases.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["default", "backups"]);
    assert_eq!(component.environment, [("LANG".to_owned(), "C".to_owned())]);
    assert_eq!(manifest.variables["token"].default.as_deref(), Some(""));
    assert_eq!(manifest.variables["mode"].default, None);
}

#[test]
fn what_only_spin_does_is_refused_by_name() {
    let unsupported = "host does not support this: run the application under spin";
    for key in ["key_value_stores = [\"a\"]", "ai_models = []", "exclude_files = []", "allowed_http_hosts = []"] {
        let words = refused("sqlite_databases =", &format!("{key}\nsqlite_databases ="));
        let name = key.split(' ').next().unwrap();
        assert!(words.contains(&format!("component.events.{name}: {unsupported}")), "{words}");
    }
    let words = refused(
        "[component.events.build]",
        "[component.events.dependencies]\n\"a:b\" = \"1\"\n[component.events.build]",
    );
    assert!(words.contains(&format!("component.events.dependencies: {unsupported}")), "{words}");
    let words = refused("[[trigger.http]]", "[[trigger.redis]]\nchannel = \"a\"\n[[trigger.http]]");
    assert!(words.contains(&format!("trigger.redis: {unsupported}")), "{words}");
    let words = refused("files = [{ source = \"assets\", destination = \"/assets\" }]", "files = [\"assets/*\"]");
    assert!(words.contains("component.events.files: host only mounts whole folders"), "{words}");
    let words = refused("\"target/events.wasm\"", "{ url = \"https://x\", digest = \"sha256:0\" }");
    assert!(words.contains("component.events.source: expected a string, found table"), "{words}");
}

#[test]
fn a_private_route_is_refused() {
    let words = refused("route = \"/health\"", "route = { private = true }");
    assert!(words.contains("trigger.http.route: expected a string, found table"), "{words}");
}

#[test]
fn an_unknown_key_is_refused_in_every_place() {
    for (before, place) in [
        ("spin_manifest_version", "spin.toml:2: kolour: unknown key"),
        ("name = \"app\"", "application.kolour: unknown key"),
        ("route = \"/health\"", "trigger.http.kolour: unknown key"),
        ("source = \"target", "component.events.kolour: unknown key"),
    ] {
        let words = refused(before, &format!("kolour = 1\n{before}"));
        assert!(words.contains(place), "{place:?} is missing in:\n{words}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_and_in_their_places() {
    let words = parse(
        "spin_manifest_version = 1\n[application]\n[variables]\nBad = { default = \"\" }\nboth = { default = \"\", required = true }\n\
         [[trigger.http]]\nroute = \"x\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\nvariables = { a = \"{{ missing }}\" }",
    )
    .unwrap_err();
    for expected in [
        "spin.toml:1: spin_manifest_version: host reads version 2, not 1",
        "spin.toml:2: application: `name` is missing",
        "spin.toml:4: variables.Bad: \"Bad\": invalid character 'B'",
        "spin.toml:5: variables.both: either `required = true` or a `default`, and not both",
        "spin.toml:7: trigger.http.route: route \"x\" does not begin with \"/\"",
        "spin.toml:11: component.a.variables.a: no variable \"missing\" in `[variables]`",
    ] {
        assert!(words.contains(expected), "{expected:?} is missing in:\n{words}");
    }
}

#[test]
fn a_trigger_without_its_component_and_a_route_taken_twice_are_refused() {
    let words = refused("route = \"/health\"\ncomponent = \"events\"", "route = \"/...\"\ncomponent = \"other\"");
    assert!(words.contains("there is no `[component.other]` that can run"), "{words}");
    assert!(words.contains("route \"/...\" is taken by another trigger"), "{words}");
}

#[test]
fn a_manifest_without_triggers_is_refused() {
    let words = parse("spin_manifest_version = 2\n[application]\nname = \"a\"").unwrap_err();
    assert!(words.contains("nothing would answer"), "{words}");
}
