//! A Job from a CronJob's template, followed on stderr.

use cluster::Cluster;
use cluster::jobs::Change;
use cluster::run::{self, Call};
use k8s_openapi::api::batch::v1::CronJob;
use pra_core::{Code, Error, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What becomes of the Job afterwards.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Keep {
    /// Keep the Job afterwards
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Runs one verb of `backup-job` in the cluster, says on stderr what it logs, and gives its answer.
pub(crate) async fn follow<T: DeserializeOwned>(
    cluster: &Cluster,
    cronjob: &CronJob,
    verb: &str,
    change: Change,
    Keep { keep }: Keep,
) -> Result<T> {
    let call = Call { cronjob, name: run::name(verb, disk::clock::now()), change, keep };
    let mut say = |line: &str| eprintln!("{}", human(line));
    tokio::select! {
        done = run::run(cluster, &call, &mut say) => done,
        _interrupted = tokio::signal::ctrl_c() => Err(goes_on(cluster.namespace(), &call.name)),
    }
}

fn goes_on(namespace: &str, job: &str) -> Error {
    Error::new(Code::Failed, format!("no longer following: job '{job}' goes on in the cluster"))
        .hint(format!("kubectl -n {namespace} logs -f job/{job}; kubectl -n {namespace} delete job {job} ends it"))
}

/// A log line as people read it.
fn human(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return line.to_owned() };
    let Some(Value::String(level)) = fields.remove("level") else { return line.to_owned() };
    let message = fields.remove("message").map(|message| plain(&message)).unwrap_or_default();
    for noise in ["timestamp", "target", "span", "spans"] {
        fields.remove(noise);
    }
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    [level, message].into_iter().chain(fields).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_its_message_and_its_fields_and_anything_else_stays_as_it_is() {
        let line =
            r#"{"timestamp":"2025-01-10T12:00:00Z","level":"INFO","message":"scaled","deployment":"events","to":0}"#;
        assert_eq!(human(line), "INFO scaled deployment=events to=0");
        assert_eq!(human("thread panicked"), "thread panicked");
        assert_eq!(human(r#"{"point":"a"}"#), r#"{"point":"a"}"#);
    }
}
