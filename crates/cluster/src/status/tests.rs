use serde_json::json;

use super::*;
use crate::mock::{Exchange, list, over, server};

const NOW: &str = "2025-01-10T12:01:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// The kit of `k8s/kit`, whose last backup succeeded 58 s ago.
fn kit() -> Kit {
    let read = |text: &str| serde_saphyr::from_str(text).unwrap();
    let mut kit = Kit {
        app: "events".to_owned(),
        backup: read(include_str!("../../../../k8s/kit/sqlite-backup.yaml")),
        restore: read(include_str!("../../../../k8s/kit/restore.yaml")),
        drill: None,
    };
    kit.backup.status = Some(
        serde_json::from_value(json!({
            "lastScheduleTime": "2025-01-10T12:00:00Z", "lastSuccessfulTime": "2025-01-10T12:00:02Z",
        }))
        .unwrap(),
    );
    kit
}

fn deployment(name: &str, replicas: i32, ready: i32) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": {} },
        "status": { "readyReplicas": ready },
    })
}

fn scenario(lease: &Value, namespace: Exchange) -> Vec<Exchange> {
    let pod = json!({ "metadata": { "name": "pod" }, "spec": { "nodeName": "node-1", "containers": [] } });
    vec![
        Exchange::new("GET", "/apis/apps/v1/namespaces/pra/deployments/events", deployment("events", 2, 2)),
        Exchange::new("GET", "/api/v1/namespaces/pra/pods", list(&[pod.clone(), pod])),
        Exchange::new(
            "GET",
            "/api/v1/namespaces/pra/services/events",
            json!({ "spec": { "ports": [{ "port": 80 }] } }),
        ),
        Exchange::new("GET", "/api/v1/namespaces/pra/services/events:80/proxy/status", json!({ "count": 12 })),
        Exchange::new("GET", "/apis/apps/v1/namespaces/pra/deployments", list(&[deployment("replicator", 1, 1)])),
        Exchange::new("GET", "/apis/coordination.k8s.io/v1/namespaces/pra/leases/restore", lease),
        namespace,
    ]
}

fn namespace() -> Exchange {
    let annotations = json!({ "mini-pra/allow-drills": "true" });
    Exchange::new("GET", "/api/v1/namespaces/pra", json!({ "metadata": { "name": "pra", "annotations": annotations } }))
}

#[tokio::test]
async fn a_healthy_application_is_said_to_be_protected() {
    let lease = json!({
        "metadata": { "name": "restore", "annotations": { "mini-pra/last-restore": "{\"point\":\"a.db\"}" } }, "spec": {},
    });
    let (cluster, server) = server(scenario(&lease, namespace()));
    let status = read(&cluster, &kit(), now()).await.unwrap();
    assert_eq!(status.summary, "events runs (2 of 2 pods ready) and is protected: last backup 58s ago");
    assert!(status.healthy);
    assert_eq!(status.application.nodes, ["node-1"]);
    assert_eq!(status.application.status, Some(json!({ "count": 12 })));
    assert_eq!(status.restore.last, Some(json!({ "point": "a.db" })));
    assert_eq!(status.drills, Drills { installed: false, allowed: Some(true) });
    over(cluster, server).await;
}

#[tokio::test]
async fn a_restore_under_way_is_said_first_and_a_forbidden_namespace_is_no_error() {
    let lease = json!({
        "metadata": { "name": "restore" },
        "spec": { "holderIdentity": "restore-1", "acquireTime": "2025-01-10T12:00:59.000000Z" },
    });
    let forbidden = Exchange::refused("GET", "/api/v1/namespaces/pra", 403, "Forbidden");
    let (cluster, server) = server(scenario(&lease, forbidden));
    let status = read(&cluster, &kit(), now()).await.unwrap();
    let said = "a restore of events is under way since 2025-01-10T12:00:59Z (restore-1); 2 of 2 pods ready";
    assert_eq!((status.healthy, status.summary.as_str()), (false, said));
    assert_eq!(status.drills.allowed, None);
    over(cluster, server).await;
}

fn healthy() -> Status {
    let pods = |name: &str| Pods { deployment: Some(name.to_owned()), replicas: 2, ready: 2 };
    Status {
        summary: String::new(),
        healthy: true,
        namespace: "pra".to_owned(),
        application: Application { name: "events".to_owned(), pods: pods("events"), nodes: Vec::new(), status: None },
        backups: backups(&kit(), now()),
        checkpointer: pods("replicator"),
        restore: Restore::default(),
        drills: Drills { installed: true, allowed: None },
    }
}

#[test]
fn what_is_worst_is_said() {
    let said = |change: fn(&mut Status)| {
        let mut status = healthy();
        change(&mut status);
        let (healthy, words) = summary(&status);
        assert!(!healthy, "{words}");
        words
    };
    assert!(said(|status| status.checkpointer.ready = 0).contains("checkpointer"));
    assert!(said(|status| status.backups.suspended = true).contains("suspended"));
    assert!(said(|status| status.backups.age_seconds = None).contains("no backup yet"));
    assert!(said(|status| status.application.pods.ready = 1).contains("1 of 2"));
    assert!(said(|status| status.application.pods.ready = 0).contains("does not serve"));
    assert!(said(|status| status.application.pods.replicas = 0).contains("scaled to zero"));
    assert!(said(|status| status.restore.unfinished = Some(json!({}))).contains("cut off"));
    assert!(
        said(|status| status.backups.last_scheduled = Some("2025-01-10T12:04:00Z".parse().unwrap())).contains("fail")
    );
    assert!(summary(&healthy()).0);
}
