//! An API server in memory: enough of it for a restore. It keeps objects, counts requests, and can fail or fall silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower_test::mock;

use crate::Cluster;

pub(super) const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/pra/leases/restore";
pub(super) const CONFIGMAP: &str = "/api/v1/namespaces/pra/configmaps/restore-point";
pub(super) const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/pra/deployments/events";
pub(super) const CRONJOB: &str = "/apis/batch/v1/namespaces/pra/cronjobs/sqlite-backup";
const PODS: &str = "/api/v1/namespaces/pra/pods";
const EVENTS: &str = "/api/v1/namespaces/pra/events";

/// So many lists still show the pods of a Deployment that was scaled to zero.
const LINGERS: u32 = 2;

/// What goes wrong, by the number of the request, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// This one is not done, and nothing is answered from here on.
    DiesBefore(usize),
    /// This one is done, and nothing is answered from here on.
    DiesAfter(usize),
    /// This one and all later ones are answered by 503.
    DownFrom(usize),
    /// The first scale to zero is done; then we are told to stop.
    StopsAtScaleDown,
    /// The pods never go.
    PodsStay,
    /// The pods never become ready.
    NeverReady,
}

#[derive(Default)]
struct Objects {
    all: BTreeMap<String, Value>,
    /// `GET /path` and so on, with what was sent.
    log: Vec<(String, Value)>,
    pods: i64,
    lists: u32,
    trouble: Option<Trouble>,
}

/// The API server. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Api {
    objects: Arc<Mutex<Objects>>,
    /// Told when the client is to die, or to stop.
    pub(super) told: Arc<Notify>,
}

impl Api {
    /// With the objects of the base manifests.
    pub(super) fn new(replicas: i32, suspended: bool, point: &str) -> Self {
        let api = Self::default();
        let metadata = |name: &str| json!({ "name": name, "namespace": "pra", "resourceVersion": "1", "uid": "u" });
        {
            let mut objects = api.objects();
            objects.pods = replicas.into();
            objects.all = BTreeMap::from([
                (LEASE.to_owned(), json!({ "metadata": metadata("restore"), "spec": {} })),
                (CONFIGMAP.to_owned(), json!({ "metadata": metadata("restore-point"), "data": { "point": point } })),
                (
                    DEPLOYMENT.to_owned(),
                    json!({
                        "metadata": metadata("events"),
                        "spec": {
                            "replicas": replicas,
                            "selector": { "matchLabels": { "app": "events" } },
                            "template": {},
                        },
                    }),
                ),
                (
                    CRONJOB.to_owned(),
                    json!({
                        "metadata": metadata("sqlite-backup"),
                        "spec": { "suspend": suspended, "schedule": "* * * * *", "jobTemplate": {} },
                    }),
                ),
            ]);
        }
        api
    }

    /// A client of it. Needs a runtime.
    pub(super) fn cluster(&self) -> Cluster {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let api = self.clone();
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some((request, respond)) = handle.next_request().await {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                match api.answer(&parts.method, parts.uri.path(), body) {
                    Some((status, answer)) => {
                        let body = Body::from(serde_json::to_vec(&answer).unwrap());
                        respond.send_response(Response::builder().status(status).body(body).unwrap());
                    }
                    None => {
                        unanswered.push(respond);
                        api.told.notify_one();
                    }
                }
            }
        });
        Cluster::new(Client::new(service, "pra"), "pra")
    }

    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        let mut objects = self.objects();
        objects.trouble = trouble;
        objects.log.clear();
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.objects().all[path].clone()
    }

    pub(super) fn change(&self, path: &str, patch: &Value) {
        merge(self.objects().all.get_mut(path).unwrap(), patch);
    }

    /// Replicas and suspension.
    pub(super) fn workloads(&self) -> (Value, Value) {
        (self.get(DEPLOYMENT)["spec"]["replicas"].clone(), self.get(CRONJOB)["spec"]["suspend"].clone())
    }

    /// What was asked since the last trouble was set: `PATCH /…/scale` and so on.
    pub(super) fn log(&self) -> Vec<(String, Value)> {
        self.objects().log.clone()
    }

    /// Reasons of the Events.
    pub(super) fn events(&self) -> Vec<String> {
        let posted = self.log().into_iter().filter(|(what, _)| what == &format!("POST {EVENTS}"));
        posted.map(|(_, event)| event["reason"].as_str().unwrap().to_owned()).collect()
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap()
    }

    /// `None`: no answer.
    fn answer(&self, method: &Method, path: &str, body: Value) -> Option<(StatusCode, Value)> {
        let mut objects = self.objects();
        let number = objects.log.len();
        objects.log.push((format!("{method} {path}"), body.clone()));
        match objects.trouble {
            Some(Trouble::DiesBefore(at)) if number >= at => return None,
            Some(Trouble::DiesAfter(at)) if number > at => return None,
            Some(Trouble::DownFrom(at)) if number >= at => return Some(status(503, "the server is down")),
            _ => {}
        }
        let answer = objects.answer(method, path, &body);
        match objects.trouble {
            Some(Trouble::DiesAfter(at)) if number == at => None,
            Some(Trouble::StopsAtScaleDown) if path.ends_with("/scale") && body["spec"]["replicas"] == 0 => {
                self.told.notify_one();
                Some(answer)
            }
            _ => Some(answer),
        }
    }
}

impl Objects {
    fn answer(&mut self, method: &Method, path: &str, body: &Value) -> (StatusCode, Value) {
        match (method.as_str(), path) {
            ("GET", PODS) => (StatusCode::OK, self.list_pods()),
            ("POST", EVENTS) => (StatusCode::CREATED, body.clone()),
            ("PATCH", path) if path.ends_with("/scale") => self.scale(path.trim_end_matches("/scale"), body),
            ("GET", path) => self.read(path),
            ("PUT", path) => self.replace(path, body),
            ("PATCH", path) => self.patch(path, body),
            _ => status(405, "no such request"),
        }
    }

    fn read(&self, path: &str) -> (StatusCode, Value) {
        let Some(object) = self.all.get(path) else { return status(404, "not found") };
        let mut object = object.clone();
        if path == DEPLOYMENT {
            let ready =
                if self.trouble == Some(Trouble::NeverReady) { json!(0) } else { object["spec"]["replicas"].clone() };
            object["status"] = json!({ "readyReplicas": ready });
        }
        (StatusCode::OK, object)
    }

    fn replace(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let Some(object) = self.all.get_mut(path) else { return status(404, "not found") };
        if body["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
            return status(409, "the object has been modified");
        }
        *object = body.clone();
        bump(object);
        (StatusCode::OK, object.clone())
    }

    fn patch(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let Some(object) = self.all.get_mut(path) else { return status(404, "not found") };
        merge(object, body);
        bump(object);
        (StatusCode::OK, object.clone())
    }

    fn scale(&mut self, path: &str, body: &Value) -> (StatusCode, Value) {
        let (code, object) = self.patch(path, body);
        if code != StatusCode::OK {
            return (code, object);
        }
        let replicas = body["spec"]["replicas"].as_i64().unwrap();
        if replicas > 0 {
            self.pods = replicas;
        }
        self.lists = 0;
        let spec = json!({ "replicas": replicas });
        (code, json!({ "metadata": object["metadata"], "spec": spec, "status": { "replicas": self.pods } }))
    }

    fn list_pods(&mut self) -> Value {
        self.lists += 1;
        let wanted = self.all[DEPLOYMENT]["spec"]["replicas"].as_i64().unwrap();
        if wanted == 0 && self.lists > LINGERS && self.trouble != Some(Trouble::PodsStay) {
            self.pods = 0;
        }
        let pods: Vec<Value> =
            (0..self.pods).map(|n| json!({ "metadata": { "name": format!("events-{n}") } })).collect();
        json!({ "metadata": {}, "items": pods })
    }
}

fn bump(object: &mut Value) {
    let version: u64 = object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    object["metadata"]["resourceVersion"] = json!((version + 1).to_string());
}

fn status(code: u16, message: &str) -> (StatusCode, Value) {
    let reason = if code == 404 { "NotFound" } else { "Other" };
    let answer = json!({ "kind": "Status", "status": "Failure", "code": code, "message": message, "reason": reason });
    (StatusCode::from_u16(code).unwrap(), answer)
}

/// JSON merge patch, RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}
