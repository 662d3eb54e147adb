//! A restore that dies, or loses the API server, at each of its requests.

use super::*;

/// More requests than any restore makes.
const MANY: usize = 80;

/// Runs until it dies. `false`: it came to its end before.
async fn dies(scenario: &Scenario, options: &Options, trouble: Trouble) -> bool {
    scenario.api.set_trouble(Some(trouble));
    tokio::select! {
        _done = scenario.run_with(options) => false,
        () = scenario.api.told.notified() => true,
    }
}

/// After a death at each request, the next run of `next` restores and brings all back.
async fn every_death_is_survived(next: &str, make: impl Fn() -> Scenario) {
    every_death_is_survived_by(next, make, Scenario::options).await;
}

/// As [`every_death_is_survived`], with options of the scenario's own.
pub(super) async fn every_death_is_survived_by(
    next: &str,
    make: impl Fn() -> Scenario,
    options: impl Fn(&Scenario, &str) -> Options,
) {
    for at in 0..MANY {
        let mut lived = 0;
        for trouble in [Trouble::DiesBefore(at), Trouble::DiesAfter(at)] {
            let scenario = make();
            if !dies(&scenario, &options(&scenario, "1"), trouble).await {
                lived += 1;
                continue;
            }
            scenario.api.set_trouble(None);
            let done = scenario
                .run_with(&options(&scenario, next))
                .await
                .unwrap_or_else(|e| panic!("{trouble:?}: {}", e.chain()));
            assert!(done.error.is_none(), "{trouble:?}");
            assert_eq!(scenario.events(), Some(3), "{trouble:?}");
            assert_eq!(scenario.api.workloads(), (json!(2), json!(false)), "{trouble:?}");
            scenario.require_cleared();
        }
        if lived == 2 {
            assert!(at > 6, "the restore has made too few requests");
            return;
        }
    }
    panic!("the restore never ends");
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_request_the_jobs_next_pod_finishes() {
    every_death_is_survived("1", || Scenario::new("latest").lost()).await;
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_request_another_job_restores_and_brings_all_back() {
    every_death_is_survived("2", || Scenario::new("latest").lost()).await;
}

#[tokio::test(start_paused = true)]
async fn killed_in_place_at_any_request_the_jobs_next_pod_restores_the_same_point() {
    every_death_is_survived("1", || {
        let scenario = Scenario::new("latest");
        scenario.api.change(CONFIGMAP, &json!({ "data": { "point": scenario.backup } }));
        scenario
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_api_server_from_any_request_on_the_next_run_finishes() {
    for at in 0..MANY {
        let scenario = Scenario::new("latest").lost();
        scenario.api.set_trouble(Some(Trouble::DownFrom(at)));
        let Err(error) = scenario.run("1").await else {
            assert!(at > 20);
            return;
        };
        assert_eq!(error.code(), Code::OutOfReach, "request {at}: {}", error.chain());
        if scenario.api.workloads() != (json!(2), json!(false)) {
            let text = error.to_string();
            assert!(text.contains("deployment/events (2 replicas), cronjob/sqlite-backup"), "request {at}: {text}");
            assert!(error.hint_text().unwrap().contains("run the restore again"));
        }
        scenario.api.set_trouble(None);
        let done = scenario.run("1").await.unwrap();
        assert!(done.error.is_none());
        assert_eq!(scenario.events(), Some(3));
        assert_eq!(scenario.api.workloads(), (json!(2), json!(false)), "request {at}");
        scenario.require_cleared();
    }
    panic!("the restore never ends");
}

#[tokio::test(start_paused = true)]
async fn a_bad_point_after_a_death_still_brings_all_back() {
    let scenario = Scenario::new("latest").lost();
    let gone = |log: &[(String, Value)]| log.iter().any(|(what, _)| what.ends_with("/scale"));
    let mut at = 0;
    while !gone(&scenario.api.log()) {
        at += 1;
        assert!(dies(&scenario, &scenario.options("1"), Trouble::DiesAfter(at)).await);
    }
    assert_eq!(scenario.api.workloads(), (json!(0), json!(true)));
    scenario.api.set_trouble(None);
    let options =
        Options { point: Some(Point::File("backup-2020-01-01-00-00.db".to_owned())), ..scenario.options("2") };
    assert_eq!(scenario.run_with(&options).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(scenario.api.workloads(), (json!(2), json!(false)));
    scenario.require_cleared();
}
