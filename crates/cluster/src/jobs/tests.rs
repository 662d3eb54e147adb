use super::*;

fn restore() -> CronJob {
    let text = include_str!("../../../../k8s/kit/restore.yaml");
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn a_job_is_its_template_with_another_name_and_what_was_changed() {
    let change = Change { args: None, more: vec!["--point=15m".to_owned()] };
    let cronjob = restore();
    let job = from_cronjob(&cronjob, "restore-1", &change).unwrap();
    let template = cronjob.spec.unwrap().job_template;
    assert_eq!(job.name_any(), "restore-1");
    assert_eq!(job.annotations()["cronjob.kubernetes.io/instantiate"], "manual");
    assert_eq!(job.owner_references()[0].name, "restore");
    let (ours, theirs) = (job.spec.unwrap(), template.spec.unwrap());
    assert_eq!(ours.pod_failure_policy, theirs.pod_failure_policy);
    let (ours, theirs) = (ours.template.spec.unwrap(), theirs.template.spec.unwrap());
    let args = theirs.containers[0].args.clone().unwrap();
    assert_eq!(ours.containers[0].args, Some([args, vec!["--point=15m".to_owned()]].concat()));
    assert_eq!(ours.volumes, theirs.volumes);
}

#[test]
fn a_job_with_other_arguments_keeps_where_things_are() {
    let args = ["list", "-o", "json"].map(str::to_owned).to_vec();
    let change = Change { args: Some(args), more: Vec::new() };
    let job = from_cronjob(&restore(), "list-1", &change).unwrap();
    let args = job.spec.unwrap().template.spec.unwrap().containers.remove(0).args.unwrap();
    let expected = ["list", "--ignore-environment", "--yes", "--output=json", "--database=/data/app.db", "-o", "json"];
    assert_eq!(args, expected);
}

#[test]
fn an_answer_is_told_from_the_log_lines_around_it() {
    assert_eq!(answer(r#"{"level":"INFO","message":"x"}"#), None);
    assert_eq!(answer("restored"), None);
    assert_eq!(answer("42"), None);
    assert_eq!(answer(r#"[{"point":"a"}]"#).unwrap()[0]["point"], "a");
    assert_eq!(answer(r#"{"error":{"code":"busy"}}"#).unwrap()["error"]["code"], "busy");
}

#[test]
fn a_template_without_container_is_refused() {
    let mut empty = CronJob::default();
    empty.metadata.name = Some("empty".to_owned());
    let error = from_cronjob(&empty, "job", &Change::default()).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
}
