//! One call of `backup-job` in the cluster: a Job from a CronJob's template, made, followed, its answer read, and
//! cleared away.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use kube::api::DeleteParams;
use pra_core::{Code, Error, Result};
use serde::de::DeserializeOwned;

use super::Cluster;
use super::call::find;
use super::jobs::{self, Change, Outcome};

/// How long a Job is followed. Its own deadline is shorter, where it has one.
const LIMIT: Duration = Duration::from_secs(3600);

/// A call to make.
#[derive(Debug)]
pub struct Call<'a> {
    /// The template.
    pub cronjob: &'a CronJob,
    /// The Job's name.
    pub name: String,
    /// What differs from the template.
    pub change: Change,
    /// Leaves the Job there afterwards.
    pub keep: bool,
}

/// A Job's name: `pra-backup-20250110-120000-123`.
pub fn name(verb: &str, now: Timestamp) -> String {
    format!("pra-{verb}-{}", now.strftime("%Y%m%d-%H%M%S-%3f"))
}

/// Makes the call; `hear` gets each log line. A Job whose answer was read is deleted; one that died without an answer
/// stays, for the operator to inspect.
///
/// # Errors
/// The Job's own error with its exit code; else as [`jobs::follow`].
pub async fn run<T: DeserializeOwned>(cluster: &Cluster, call: &Call<'_>, hear: &mut dyn FnMut(&str)) -> Result<T> {
    let Call { cronjob, name, change, keep } = call;
    jobs::create(cluster, &jobs::from_cronjob(cronjob, name, change)?).await?;
    let mut complaint = None;
    let outcome = jobs::follow(cluster, name, LIMIT, &mut |line| {
        if let Some(words) = line.strip_prefix("error: ") {
            complaint = Some(words.to_owned());
        } else if !line.starts_with("hint: ") && jobs::answer(line).is_none() {
            hear(line);
        }
    })
    .await?;
    if outcome.answer.is_some() && !keep {
        delete(cluster, name).await?;
    }
    read(name, outcome, complaint)
}

/// `complaint` is what the Job said on stderr: it counts where the answer names no error.
fn read<T: DeserializeOwned>(name: &str, outcome: Outcome, complaint: Option<String>) -> Result<T> {
    let Outcome { succeeded, exit_code, answer } = outcome;
    let look = format!("kubectl logs job/{name}");
    match answer {
        Some(answer) if succeeded => serde_json::from_value(answer).map_err(|e| {
            Error::new(Code::Failed, format!("failed to read the answer of job '{name}'"))
                .hint("the image in the cluster and this program are of different versions")
                .because(e)
        }),
        Some(answer) => Err(error(name, exit_code, &answer, complaint)),
        None if succeeded => Err(Error::new(Code::Failed, format!("job '{name}' gave no answer")).hint(look)),
        None => {
            let why = complaint.map(|words| format!(": {words}")).unwrap_or_default();
            Err(Error::new(code(exit_code), format!("job '{name}' failed without an answer{why}")).hint(look))
        }
    }
}

/// The Job's error, as if it had happened here.
fn error(name: &str, exit_code: Option<i32>, answer: &serde_json::Value, complaint: Option<String>) -> Error {
    let text = |key: &str| answer.pointer(key).and_then(serde_json::Value::as_str);
    let message = text("/error/message").map(str::to_owned).or(complaint);
    let message = message.unwrap_or_else(|| format!("job '{name}' failed"));
    let error = Error::new(code(exit_code), message);
    match text("/error/hint") {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn code(exit_code: Option<i32>) -> Code {
    exit_code.map_or(Code::Failed, Code::from_exit_code)
}

async fn delete(cluster: &Cluster, name: &str) -> Result<()> {
    find(&format!("delete job '{name}'"), || {
        let api = cluster.api::<Job>();
        async move { api.delete(name, &DeleteParams::background()).await.map(drop) }
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests;
