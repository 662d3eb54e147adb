//! Against an API server in memory, as far as a drill's note needs one.

use std::sync::{Arc, Mutex};

use hyper::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower_test::mock;

use super::*;
use crate::stage;

const CRONJOB: &str = "/apis/batch/v1/namespaces/pra/cronjobs/sqlite-backup";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/pra/deployments/events";
const CLAIMS: &str = "/api/v1/namespaces/pra/persistentvolumeclaims";
const NAMESPACE: &str = "/api/v1/namespaces/pra";
const LIMIT: Duration = Duration::from_secs(5);

/// Objects by path; lists are empty.
type Objects = Arc<Mutex<BTreeMap<String, Value>>>;

/// A cluster that holds `objects`, and what it holds now.
fn cluster(objects: &[(&str, Value)]) -> (Cluster, Objects) {
    let objects = objects.iter().map(|(path, object)| ((*path).to_owned(), object.clone()));
    let objects: Objects = Arc::new(Mutex::new(objects.collect()));
    let (service, mut server) = mock::pair::<Request<Body>, Response<Body>>();
    let held = Arc::clone(&objects);
    tokio::spawn(async move {
        while let Some((request, answer)) = server.next_request().await {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let sent = serde_json::from_slice(&body).unwrap_or_default();
            let (status, object) = act(&mut held.lock().unwrap(), &parts.method, parts.uri.path(), sent);
            let body = Body::from(object.to_string().into_bytes());
            answer.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    (Cluster::new(Client::new(service, "pra"), "pra"), objects)
}

fn act(objects: &mut BTreeMap<String, Value>, method: &Method, path: &str, sent: Value) -> (u16, Value) {
    let failed = |code: u16, reason: &str| {
        (code, json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason }))
    };
    if *method == Method::POST {
        let path = format!("{path}/{}", sent["metadata"]["name"].as_str().unwrap());
        objects.insert(path, sent.clone());
        return (201, sent);
    }
    if path.ends_with("/pods") {
        return (200, json!({ "metadata": {}, "items": [] }));
    }
    let Some(object) = objects.get_mut(path.trim_end_matches("/scale")) else {
        return failed(404, "NotFound");
    };
    if *method == Method::PATCH {
        let version = &object["metadata"]["resourceVersion"];
        if sent["metadata"].get("resourceVersion").is_some_and(|wanted| wanted != version) {
            return failed(409, "Conflict");
        }
        merge(object, &sent);
    }
    (200, object.clone())
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut into[key], value);
        }
    }
}

fn memory(id: &str, began_at: Timestamp) -> Memory {
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({ "metadata": { "name": "pra-data" } })).unwrap();
    let replicas = BTreeMap::from([("events".to_owned(), 2)]);
    Memory { id: id.to_owned(), began_at, replicas, suspended: Some(false), claim: Some(claim) }
}

fn cronjob(suspend: bool, noted: Option<&Memory>) -> Value {
    let text = noted.map(|memory| serde_json::to_string(memory).unwrap());
    json!({
        "metadata": { "name": "sqlite-backup", "resourceVersion": "7", "annotations": { ANNOTATION: text } },
        "spec": { "suspend": suspend, "schedule": "* * * * *", "jobTemplate": {} },
    })
}

/// As a disaster leaves it: no claim, no replicas, no backups.
fn ruins(noted: &Memory) -> (Cluster, Objects) {
    let spec = json!({ "replicas": 0, "selector": {}, "template": {} });
    let deployment = json!({ "metadata": { "name": "events" }, "spec": spec });
    cluster(&[(CRONJOB, cronjob(true, Some(noted))), (DEPLOYMENT, deployment)])
}

fn noted(objects: &Objects) -> Option<String> {
    let objects = objects.lock().unwrap();
    objects[CRONJOB]["metadata"]["annotations"].get(ANNOTATION).map(ToString::to_string)
}

#[tokio::test]
async fn what_a_killed_drill_has_left_is_put_back_and_forgotten() {
    let left = memory("1", Timestamp::now());
    let (cluster, objects) = ruins(&left);
    left.put_back(&cluster, "sqlite-backup", LIMIT).await.unwrap();
    left.put_back(&cluster, "sqlite-backup", LIMIT).await.unwrap();
    assert_eq!(noted(&objects), None);
    let objects = objects.lock().unwrap();
    assert_eq!(objects[DEPLOYMENT]["spec"]["replicas"], 2);
    assert_eq!(objects[CRONJOB]["spec"]["suspend"], false);
    assert!(objects.contains_key(&format!("{CLAIMS}/pra-data")));
}

#[tokio::test]
async fn of_two_drills_at_once_the_second_refuses_and_touches_nothing() {
    let (cluster, objects) = ruins(&memory("1", Timestamp::now()));
    let before = objects.lock().unwrap().clone();
    let error = memory("2", Timestamp::now()).note(&cluster, "sqlite-backup", LIMIT).await.unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert!(error.hint_text().unwrap().contains("drill put-back"));
    assert_eq!(*objects.lock().unwrap(), before);
}

#[tokio::test]
async fn what_a_drill_of_long_ago_has_left_is_put_back_by_the_next() {
    let (cluster, objects) = ruins(&memory("1", Timestamp::now() - SignedDuration::from_mins(16)));
    memory("2", Timestamp::now()).note(&cluster, "sqlite-backup", LIMIT).await.unwrap();
    assert!(noted(&objects).unwrap().contains(r#"\"id\":\"2\""#));
    assert_eq!(objects.lock().unwrap()[DEPLOYMENT]["spec"]["replicas"], 2);
}

#[tokio::test]
async fn a_drill_that_finds_its_own_note_goes_on() {
    let mine = memory("1", Timestamp::now());
    let (cluster, _) = ruins(&mine);
    mine.note(&cluster, "sqlite-backup", LIMIT).await.unwrap();
}

#[tokio::test]
async fn drills_are_made_only_in_a_namespace_that_says_so() {
    for (annotations, allowed) in [
        (json!({ cluster::kit::ALLOWED: "true" }), true),
        (json!({ cluster::kit::ALLOWED: "yes" }), false),
        (json!({}), false),
    ] {
        let namespace = json!({ "metadata": { "name": "pra", "annotations": annotations } });
        let (cluster, _) = cluster(&[(NAMESPACE, namespace)]);
        let asked = stage::require_permission(&cluster).await;
        assert_eq!(asked.map_err(|error| error.code()), if allowed { Ok(()) } else { Err(Code::Usage) });
    }
}
