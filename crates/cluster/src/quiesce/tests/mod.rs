//! Restores of a real database in a folder, with an API server in memory. One scenario for each promise.

mod api;
mod deaths;
mod sources;

use std::fs;
use std::path::PathBuf;

use disk::{lock, sqlite};
use engine::backup;
use engine::encrypted::Keys;
use engine::restore::{How, LOCK_LIMIT, Mode, Plan};
use jiff::Timestamp;
use pra_core::Code;
use serde_json::{Value, json};

use super::*;
use api::{Api, CONFIGMAP, CRONJOB, DEPLOYMENT, LEASE, Trouble};

const SECOND: Duration = Duration::from_secs(1);

/// A protected application: its volumes, and its objects.
struct Scenario {
    folder: tempfile::TempDir,
    api: Api,
    /// The one backup, with 3 events. The database has 5.
    backup: String,
}

impl Scenario {
    fn new(point: &str) -> Self {
        Self::with(Api::new(2, false, point))
    }

    fn with(api: Api) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backup")).unwrap();
        let mut scenario = Self { folder, api, backup: String::new() };
        scenario.sql("PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, message TEXT)");
        scenario.sql("INSERT INTO events(message) VALUES ('a'), ('b'), ('c')");
        let options = backup::Options {
            database: scenario.database(),
            backups: scenario.folder.path().join("backup"),
            keep: None,
            wait: SECOND,
            now: Timestamp::now(),
            dry_run: false,
            recipients: None,
            adopt_backups: false,
        };
        scenario.backup = backup::take(&options).unwrap().file;
        scenario.sql("INSERT INTO events(message) VALUES ('d'), ('e')");
        scenario
    }

    fn lost(self) -> Self {
        for name in ["app.db", "app.db-wal", "app.db-shm"] {
            drop(fs::remove_file(self.folder.path().join(name)));
        }
        self
    }

    fn damaged(self) -> Self {
        let this = self.lost();
        fs::write(this.database(), vec![7; 8192]).unwrap();
        this
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn sql(&self, sql: &str) {
        sqlite::open_or_create(&self.database(), SECOND).unwrap().execute_batch(sql).unwrap();
    }

    fn events(&self) -> Option<u64> {
        let connection = sqlite::open_live(&self.database(), SECOND).ok()?;
        sqlite::count_events(&connection).ok().flatten()
    }

    fn options(&self, job: &str) -> Options {
        Options {
            restore: restore::Options {
                keys: Keys::default(),
                recipients: None,
                access: None,
                accept_unreachable: false,
                adopt_backups: false,
                database: self.database(),
                backups: self.folder.path().join("backup"),
                point: Point::Latest,
                mode: Mode::Auto,
                accept_503: false,
                lock_limit: LOCK_LIMIT,
                wait: Duration::from_millis(200),
                now: Timestamp::now(),
            },
            point: None,
            point_from: Some("restore-point".to_owned()),
            deployments: vec!["events".to_owned()],
            cronjobs: vec!["sqlite-backup".to_owned()],
            lease: "restore".to_owned(),
            job: Identity { name: format!("restore-{job}"), uid: job.to_owned() },
            timeout: 20 * SECOND,
        }
    }

    /// A run of the Job `job`.
    async fn run(&self, job: &str) -> Result<Done> {
        self.run_with(&self.options(job)).await
    }

    async fn run_with(&self, options: &Options) -> Result<Done> {
        let (_stop, stopped) = watch::channel(false);
        run(&self.api.cluster(), options, &|_: &Plan| Ok(()), stopped).await
    }

    /// Nothing is left of a restore but what it reports.
    fn require_cleared(&self) {
        let lease = self.api.get(LEASE);
        assert_eq!(lease["metadata"]["annotations"][STATE], Value::Null);
        assert_eq!(lease["spec"]["holderIdentity"], Value::Null);
    }

    /// The requests that change something, without the Lease and Events.
    fn changes(&self) -> Vec<String> {
        let changes = self.api.log().into_iter().map(|(what, _)| what);
        changes
            .filter(|what| !what.starts_with("GET") && !what.contains("/leases/") && !what.contains("/events"))
            .chain(self.api.log().into_iter().map(|(what, _)| what).filter(|what| what.contains("/scale")))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn in_place_touches_no_scale_and_no_suspension() {
    let scenario = Scenario::new("latest");
    let done = scenario.run("1").await.unwrap();
    assert_eq!((done.report.restore.mode, done.report.quiesced), (How::InPlace, None));
    assert_eq!(scenario.events(), Some(3));
    assert_eq!(scenario.changes(), Vec::<String>::new());
    assert_eq!(scenario.api.events(), ["RestoreStarted", "Restored"]);
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn a_lost_database_is_replaced_with_the_application_stopped_and_all_is_back_afterwards() {
    for scenario in [Scenario::new("latest").lost(), Scenario::new("latest").damaged()] {
        let done = scenario.run("1").await.unwrap();
        assert!(done.error.is_none());
        assert_eq!(done.report.restore.mode, How::Replace);
        assert_eq!(done.report.quiesced.unwrap().deployments, [("events".to_owned(), 2)].into());
        assert_eq!(scenario.events(), Some(3));
        assert_eq!(scenario.api.workloads(), (json!(2), json!(false)));
        assert_eq!(scenario.api.events(), ["RestoreStarted", "Quiesced", "Restored", "Resumed"]);
        scenario.require_cleared();
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_is_written_down_before_anything_is_stopped() {
    let scenario = Scenario::new("latest").lost();
    scenario.run("1").await.unwrap();
    let log = scenario.api.log();
    let first_patch = log.iter().position(|(what, _)| what.starts_with("PATCH")).unwrap();
    let (_, written) = log[..first_patch].iter().rfind(|(what, _)| what == &format!("PUT {LEASE}")).unwrap();
    let text = written["metadata"]["annotations"][STATE].as_str().unwrap();
    let state: State = serde_json::from_str(text).unwrap();
    assert_eq!((state.phase, state.means.as_str()), (Phase::Quiescing, scenario.backup.as_str()));
    assert_eq!((state.was.deployments["events"], state.was.suspended["sqlite-backup"]), (2, false));
    assert_eq!(log[first_patch].0, format!("PATCH {CRONJOB}"), "no backup begins while the pods go");
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_before_stays_stopped() {
    let scenario = Scenario::with(Api::new(0, true, "latest")).lost();
    let done = scenario.run("1").await.unwrap();
    assert!(done.error.is_none());
    assert_eq!(scenario.api.workloads(), (json!(0), json!(true)));
}

#[tokio::test(start_paused = true)]
async fn the_report_is_one_json_line_with_the_restore_first_and_stays_on_the_lease() {
    let scenario = Scenario::new("latest");
    let report = scenario.run("1").await.unwrap().report;
    let line = serde_json::to_string(&report).unwrap();
    let expected = format!(r#"{{"point":"{}","source":"backup","mode":"in-place","reached":"#, scenario.backup);
    assert!(line.starts_with(&expected), "{line}");
    let last = scenario.api.get(LEASE)["metadata"]["annotations"][LAST].as_str().unwrap().to_owned();
    let last: Report = serde_json::from_str(&last).unwrap();
    assert_eq!((last.restore.point, last.job), (scenario.backup.clone(), "restore-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_chosen_point_is_used_once() {
    let scenario = Scenario::new("latest");
    scenario.api.change(CONFIGMAP, &json!({ "data": { "point": scenario.backup } }));
    scenario.run("1").await.unwrap();
    let used = json!({ "point": "latest", "used": "1", "used-point": scenario.backup });
    assert_eq!(scenario.api.get(CONFIGMAP)["data"], used);

    scenario.api.change(CONFIGMAP, &json!({ "data": { "point": scenario.backup } }));
    scenario.api.set_trouble(None);
    let error = scenario.run("2").await.unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.hint_text().unwrap().contains("used-point"), "{error}");
    assert_eq!(scenario.changes(), Vec::<String>::new());
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn a_further_pod_of_a_job_that_is_done_does_not_restore_again() {
    let scenario = Scenario::new("latest");
    let first = scenario.run("1").await.unwrap().report;
    scenario.sql("INSERT INTO events(message) VALUES ('since')");
    assert_eq!(scenario.run("1").await.unwrap().report.at, first.at);
    assert_eq!(scenario.events(), Some(4));
    scenario.run("2").await.unwrap();
    assert_eq!(scenario.events(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_bad_point_touches_nothing() {
    let not_there = "backup-2020-01-01-00-00.db";
    for (point, code) in [("yesterday", Code::Usage), (not_there, Code::NotFound), ("9d", Code::NotFound)] {
        let scenario = Scenario::new(point).lost();
        let error = scenario.run("1").await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(scenario.changes(), Vec::<String>::new());
        assert_eq!(scenario.api.get(CONFIGMAP)["data"], json!({ "point": point }));
        assert!(!scenario.database().exists());
        scenario.require_cleared();
    }
}

#[tokio::test(start_paused = true)]
async fn an_explicit_point_wins_and_leaves_the_configmap_alone() {
    let scenario = Scenario::new("yesterday");
    let options = Options { point: Some(Point::File(scenario.backup.clone())), ..scenario.options("1") };
    scenario.run_with(&options).await.unwrap();
    assert!(scenario.api.log().iter().all(|(what, _)| !what.contains("configmaps")));
}

#[tokio::test(start_paused = true)]
async fn the_second_of_two_says_who_is_at_work_and_stops() {
    let scenario = Scenario::new("latest").lost();
    let _other = lock::restore(&scenario.database()).unwrap();
    let now = k8s_openapi::jiff::Timestamp::now().to_string();
    let spec = json!({ "holderIdentity": "restore-1_1", "renewTime": now, "acquireTime": "2025-01-10T12:00:00Z" });
    scenario.api.change(LEASE, &json!({ "spec": spec }));
    let error = scenario.run("2").await.unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    let text = error.to_string();
    assert!(text.contains("'restore-1_1'") && text.contains("since 2025-01-10T12:00:00Z"), "{text}");
    assert!(scenario.api.log().iter().all(|(what, _)| what.starts_with("GET")));
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_for_its_own_earlier_pod_to_end() {
    let scenario = Scenario::new("latest");
    let earlier = lock::restore(&scenario.database()).unwrap();
    let now = k8s_openapi::jiff::Timestamp::now().to_string();
    scenario.api.change(LEASE, &json!({ "spec": { "holderIdentity": "restore-1_1", "renewTime": now } }));
    let mut options = scenario.options("1");
    options.restore.wait = 30 * SECOND;
    let ends = async {
        tokio::time::sleep(5 * SECOND).await;
        drop(earlier);
    };
    let (done, ()) = tokio::join!(scenario.run_with(&options), ends);
    done.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_application_was_stopped_is_put_back() {
    let scenario = Scenario::new("latest").lost();
    // A backup that does not end.
    let _backup = lock::shared(&scenario.database(), SECOND).unwrap();
    let error = scenario.run("1").await.unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert_eq!(scenario.api.workloads(), (json!(2), json!(false)));
    assert_eq!(scenario.api.events(), ["RestoreStarted", "Quiesced", "RestoreFailed"]);
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn pods_that_do_not_go_are_named_and_all_is_put_back() {
    let scenario = Scenario::new("latest").lost();
    scenario.api.set_trouble(Some(Trouble::PodsStay));
    let error = scenario.run("1").await.unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert!(error.to_string().contains("events-0, events-1"), "{error}");
    assert_eq!(scenario.api.workloads(), (json!(2), json!(false)));
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_become_ready_is_an_error_beside_the_report() {
    let scenario = Scenario::new("latest").lost();
    scenario.api.set_trouble(Some(Trouble::NeverReady));
    let done = scenario.run("1").await.unwrap();
    assert!(done.error.unwrap().to_string().contains("0 of 2 ready pods"));
    assert_eq!(scenario.events(), Some(3));
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_puts_all_back() {
    let scenario = Scenario::new("latest").lost();
    scenario.api.set_trouble(Some(Trouble::StopsAtScaleDown));
    let (stop, stopped) = watch::channel(false);
    let options = scenario.options("1");
    let cluster = scenario.api.cluster();
    let told = async {
        scenario.api.told.notified().await;
        stop.send_replace(true);
    };
    let (done, ()) = tokio::join!(run(&cluster, &options, &|_: &Plan| Ok(()), stopped.clone()), told);
    assert_eq!(done.unwrap_err().code(), Code::Stopped);
    assert_eq!(scenario.api.workloads(), (json!(2), json!(false)));
    assert!(!scenario.database().exists());
    scenario.require_cleared();
}

#[tokio::test(start_paused = true)]
async fn replicas_that_another_client_changed_since_are_left_alone() {
    let scenario = Scenario::new("latest").lost();
    scenario.api.set_trouble(Some(Trouble::DownFrom(12)));
    assert_eq!(scenario.run("1").await.unwrap_err().code(), Code::OutOfReach);
    assert_eq!(scenario.api.workloads(), (json!(0), json!(true)));
    scenario.api.set_trouble(None);
    scenario.api.change(DEPLOYMENT, &json!({ "spec": { "replicas": 3 } }));
    scenario.run("2").await.unwrap();
    assert_eq!(scenario.api.workloads(), (json!(3), json!(false)));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_what_would_be_stopped_and_changes_nothing() {
    let scenario = Scenario::new("latest").lost();
    let preview = preview(&scenario.api.cluster(), &scenario.options("1")).await.unwrap();
    assert_eq!(preview.plan.mode, How::Replace);
    assert!(preview.to_string().contains("deployment/events (2 replicas), cronjob/sqlite-backup"), "{preview}");
    assert!(scenario.api.log().iter().all(|(what, _)| what.starts_with("GET")));
    assert!(!scenario.database().exists());
}
