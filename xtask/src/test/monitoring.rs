//! The alarms, by Prometheus' own promtool: each fires when it should, and stops. (That each has a test, a page in the
//! runbook and metrics that exist is seen by the tests of `pra-metrics`.)

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{debian, shown};
use crate::workspace;

const PACKAGE: &str = "prometheus";

/// The path of `prometheus`.
pub(crate) fn prometheus() -> Result<PathBuf> {
    debian::program("prometheus", PACKAGE)
}

/// The path of `promtool`.
pub(crate) fn promtool() -> Result<PathBuf> {
    debian::program("promtool", PACKAGE)
}

pub(super) fn check(_filter: Option<&str>) -> Result<()> {
    let promtool = promtool()?;
    let run = |arguments: &[&str]| shown(Command::new(&promtool).args(arguments).current_dir(workspace::root()));
    run(&["check", "rules", "k8s/components/monitoring/rules.yaml"])?;
    run(&["test", "rules", "k8s/components/monitoring/rules_test.yaml"])?;
    run(&["check", "config", "--syntax-only", "docs/monitoring/prometheus.yml"])
}
