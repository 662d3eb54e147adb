//! `/metrics`: what is declared is exported, by Prometheus' conventions.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use mini_pra_tests::{Body, now_ms};
use pra_metrics::{ALL, Exporter, Metric};

use crate::site::Site;
use crate::status::{Backup, everything, publish_with};

/// A site that has one of everything.
fn site() -> Option<Site> {
    let site = Site::own()?;
    site.client.get("/add").expect(200);
    let safety_copy = Backup { kind: "pre-restore", ..Backup::good("pre-restore-1.db", now_ms()) };
    publish_with(site.data(), &[Backup::good("backup-1.db", now_ms()), safety_copy], &everything());
    Some(site)
}

fn declared() -> impl Iterator<Item = &'static Metric> {
    ALL.iter().filter(|metric| metric.exporters.contains(&Exporter::Application))
}

#[test]
fn every_metric_that_is_declared_for_the_application_is_there_and_no_other() {
    let Some(site) = site() else { return };
    let answer = site.client.get("/metrics").expect(200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.text();
    let names = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(names).collect();
    for Metric { name, help, kind, .. } in declared() {
        assert!(samples.iter().any(|sample| sample == name), "{name} is missing in\n{text}");
        assert!(text.contains(&format!("# TYPE {name} {}\n", kind.word())), "{name} has no type in\n{text}");
        assert!(text.contains(help), "{name} has no help in\n{text}");
    }
    for sample in &samples {
        assert!(declared().any(|metric| metric.name == sample), "{sample} is declared nowhere");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn prometheus_own_linter_has_no_complaint() {
    let Some(site) = site() else { return };
    let text = site.client.get("/metrics").expect(200).text();
    // The linter reads the older text format, which is the same but for the last line and the units.
    let older: String = text
        .lines()
        .filter(|line| *line != "# EOF" && !line.starts_with("# UNIT"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    let mut promtool = Command::new(std::env::var_os("PRA_PROMTOOL").unwrap_or_else(|| "promtool".into()));
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().expect("promtool is missing (package prometheus)");
    child.stdin.take().unwrap().write_all(older.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
}

#[test]
fn a_database_that_fails_is_told_and_does_not_end_the_scrape() {
    let Some(site) = site() else { return };
    let head = site.client.request("HEAD", "/metrics").send(Body::None).expect(200);
    assert!(head.body.is_empty());
    fs::remove_file(site.data().database()).unwrap();
    fs::write(site.data().catalog(), "this is not SQLite, however long it may be".repeat(100)).unwrap();
    let text = site.client.get("/metrics").expect(200).text();
    for told in ["pra_ready 0.0", "pra_catalog_readable 0.0"] {
        assert!(text.lines().any(|line| line == told), "{told} is missing in\n{text}");
    }
    assert!(!text.contains("\npra_events"), "what is not known is absent:\n{text}");
}
