use engine::listing::Listed;
use serde_json::{Value, json};

use super::*;
use crate::mock::{Exchange, list, over, server};

const JOBS: &str = "/apis/batch/v1/namespaces/pra/jobs";

fn backup() -> CronJob {
    serde_saphyr::from_str(include_str!("../../../../k8s/kit/sqlite-backup.yaml")).unwrap()
}

fn call(cronjob: &CronJob) -> Call<'_> {
    let args = ["list", "-o", "json"].map(str::to_owned).to_vec();
    Call { cronjob, name: "pra-list-1".to_owned(), change: Change { args: Some(args), more: Vec::new() }, keep: false }
}

fn pod(exit_code: i32) -> Value {
    let state = json!({ "terminated": { "exitCode": exit_code } });
    let status =
        json!({ "name": "backup", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state });
    json!({ "metadata": { "name": "pod" }, "status": { "containerStatuses": [status] } })
}

fn job(condition: &str) -> Value {
    json!({
        "metadata": { "name": "pra-list-1" },
        "status": { "conditions": [{ "type": condition, "status": "True" }] },
    })
}

/// From the Job's creation to its end.
fn followed(log: &str, exit_code: i32, condition: &str) -> Vec<Exchange> {
    let pods = || Exchange::new("GET", "/api/v1/namespaces/pra/pods", list(&[pod(exit_code)]));
    vec![
        Exchange::new("POST", JOBS, job("Suspended")).with_body(|job| {
            // What the kit's Job is configured with stays.
            let expected =
                json!(["list", "--ignore-environment", "--output=json", "--database=/data/app.db", "-o", "json"]);
            assert_eq!(job["spec"]["template"]["spec"]["containers"][0]["args"], expected);
            assert_eq!(job["metadata"]["ownerReferences"][0]["name"], "sqlite-backup");
        }),
        pods(),
        Exchange::new("GET", "/api/v1/namespaces/pra/pods/pod/log", log),
        Exchange::new("GET", format!("{JOBS}/pra-list-1"), job(condition)),
        pods(),
    ]
}

fn deleted() -> Exchange {
    Exchange::new("DELETE", format!("{JOBS}/pra-list-1"), job("Complete")).with_body(|options| {
        assert_eq!(options["propagationPolicy"], "Background");
    })
}

#[tokio::test]
async fn a_job_is_made_heard_read_and_deleted() {
    let log = "{\"level\":\"INFO\",\"message\":\"reading\"}\n[{\"point\":\"a.db\",\"source\":\"backup\",\
               \"created_at\":\"2025-01-10T12:00:00Z\",\"age_seconds\":1,\"bytes\":2,\"verified\":true}]\n";
    let mut scenario = followed(log, 0, "Complete");
    scenario.push(deleted());
    let (cluster, server) = server(scenario);
    let mut heard = Vec::new();
    let cronjob = backup();
    let listed: Vec<Listed> = run(&cluster, &call(&cronjob), &mut |line| heard.push(line.to_owned())).await.unwrap();
    assert_eq!(listed[0].point, "a.db");
    assert_eq!(heard, ["{\"level\":\"INFO\",\"message\":\"reading\"}"]);
    over(cluster, server).await;
}

#[tokio::test]
async fn an_error_of_the_job_is_ours_with_its_exit_code_and_its_hint() {
    let log = "error: there is no such restore point\nhint: list\n\
               {\"error\":{\"message\":\"there is no such restore point\",\"hint\":\"list\"}}";
    let mut scenario = followed(log, 3, "Failed");
    scenario.push(deleted());
    let (cluster, server) = server(scenario);
    let cronjob = backup();
    let hear = &mut |line: &str| panic!("said twice: {line}");
    let error = run::<Vec<Listed>>(&cluster, &call(&cronjob), hear).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!((error.to_string().as_str(), error.hint_text()), ("there is no such restore point", Some("list")));
    over(cluster, server).await;
}

#[tokio::test]
async fn a_job_that_died_without_an_answer_stays_to_be_looked_at() {
    let (cluster, server) = server(followed("killed", 137, "Failed"));
    let cronjob = backup();
    let error = run::<Vec<Listed>>(&cluster, &call(&cronjob), &mut |_| {}).await.unwrap_err();
    assert_eq!((error.code(), error.hint_text()), (Code::Failed, Some("kubectl logs job/pra-list-1")));
    over(cluster, server).await;
}

#[test]
fn names_are_those_of_a_job_and_differ_by_the_millisecond() {
    let now: Timestamp = "2025-01-10T12:00:00.123Z".parse().unwrap();
    assert_eq!(name("backup", now), "pra-backup-20250110-120000-123");
}
