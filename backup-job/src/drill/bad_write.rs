//! Wrong data was written: back to the instant before, while requests go on.

use tokio::time::sleep;

use super::Outcome;
use super::account::Allowance;
use super::report::prefix;
use super::stage::Stage;
use super::verdict::Promised;
use crate::error::{Code, Error, Result};

/// How many wrong events are written, in one request.
const BAD: usize = 1_000;

/// What is promised.
pub const PROMISED: Promised =
    Promised { loss: "gone: only what the restore point excludes", no_refusal: true, within: None, bad_left: Some(0) };

/// What the wrong events' messages begin with.
pub fn bad_prefix(id: &str) -> String {
    format!("{}bad-", prefix(id))
}

/// Makes it.
///
/// # Errors
/// What the restore said where it failed; else as the cluster's.
pub async fn run(stage: &Stage) -> Result<Outcome> {
    let Stage { course, memory, .. } = stage;
    stage.calm().await?;
    let point = stage.back_up().await?;

    let bad = bad_prefix(&memory.id);
    let messages: Vec<String> = (0..BAD).map(|number| format!("{bad}{number:04}")).collect();
    course.phase("write wrong events", stage.application.write_all(&bad, &messages)).await?;
    let disaster = course.mark("disaster");
    course
        .phase("find out", async {
            sleep(stage.before).await;
            Ok(())
        })
        .await?;

    let recovery = course.mark("recovery command");
    let answer = course.phase("restore", stage.restore(&point)).await?;
    let restored = course.clock.now();
    if answer.get("mode").and_then(serde_json::Value::as_str) != Some("in-place") {
        return Err(Error::new(Code::Failed, format!("the restore did not go in place: {answer}")));
    }
    stage.recovered().await?;
    Ok(Outcome {
        disaster,
        recovery: Some(recovery),
        allowance: Allowance::Between(point.created_at, restored),
        promised: PROMISED,
        restore_point: Some(point),
    })
}
