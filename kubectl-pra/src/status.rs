use cluster::status::{self, Status};
use pra_core::Result;
use program::output::{self, Answer};
use serde_json::Value;

use super::cli::Common;

/// Shows the state of the application and its protection
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kubectl pra status -n pra")]
pub(crate) struct Args {}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let (cluster, kit) = common.kit().await?;
        let status = status::read(&cluster, &kit, disk::clock::now()).await?;
        Answer::new(&status, words(&status), vec![status.application.name.clone()])
    }
}

fn words(status: &Status) -> String {
    let Status { summary, healthy: _, namespace: _, application, backups, checkpointer, restore, drills } = status;
    let pods = |pods: &status::Pods| match &pods.deployment {
        Some(deployment) => format!("deployment/{deployment}: {} of {} ready", pods.ready, pods.replicas),
        None => "not there".to_owned(),
    };
    let mut rows = vec![["application", &pods(&application.pods)].map(str::to_owned)];
    let mut row = |what: &str, state: String| rows.push([what.to_owned(), state]);
    row("node", if application.nodes.is_empty() { "-".to_owned() } else { application.nodes.join(", ") });
    if let Some(Value::Object(own)) = &application.status {
        let own: Vec<String> = own.iter().map(|(key, value)| format!("{key} {value}")).collect();
        row("/status", own.join(", "));
    }
    let last = backups.last_successful.map_or_else(|| "none yet".to_owned(), |time| format!("last good {time:.0}"));
    let suspended = if backups.suspended { ", suspended" } else { "" };
    row("backups", format!("cronjob/{} ({}): {last}{suspended}", backups.cronjob, backups.schedule));
    row("checkpointer", pods(checkpointer));
    row(
        "restore now",
        match (&restore.holder, &restore.unfinished) {
            (Some(holder), _) => format!("{holder} since {}", output::or_dash(restore.since)),
            (None, Some(_)) => "cut off: run it again".to_owned(),
            (None, None) => "none".to_owned(),
        },
    );
    row("last restore", restore.last.as_ref().map_or_else(|| "none".to_owned(), last_restore));
    row(
        "drills",
        match (drills.installed, drills.allowed) {
            (false, _) => "not installed".to_owned(),
            (true, Some(true)) => "allowed".to_owned(),
            (true, Some(false)) => "not allowed in this namespace".to_owned(),
            (true, None) => "installed; we may not see whether the namespace allows them".to_owned(),
        },
    );
    format!("{summary}\n\n{}", output::table(["WHAT", "STATE"], rows))
}

fn last_restore(report: &Value) -> String {
    let text = |key: &str| report.get(key).and_then(Value::as_str).unwrap_or("-");
    format!("{} ({}) {}, at {}", text("point"), text("reached"), text("mode"), text("at"))
}
