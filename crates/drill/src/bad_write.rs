//! Wrong data was written: back to the instant before, while requests go on.

use jiff::SignedDuration;
use pra_core::{Code, Error, Result};
use tokio::time::sleep;

use super::Outcome;
use super::account::Allowance;
use super::report::prefix;
use super::stage::{Restored, Stage};
use super::verdict::{Lag, Promised};

/// How many wrong events are written, in one request.
const BAD: usize = 1_000;

/// What is promised.
pub const PROMISED: Promised = Promised {
    loss: "gone: only what the restore point excludes",
    no_refusal: true,
    within: None,
    lag: None,
    bad_left: Some(0),
};

/// An instant ends where the next one begins.
const INSTANT: SignedDuration = SignedDuration::from_millis(1);

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
    let backup = match stage.replica {
        Some(_) => None,
        None => Some(stage.back_up().await?),
    };
    if backup.is_none() {
        stage.replica_follows().await?;
    }

    let bad = bad_prefix(&memory.id);
    let messages: Vec<String> = (0..BAD).map(|number| format!("{bad}{number:04}")).collect();
    let written = course.phase("write wrong events", stage.application.write_all(&bad, &messages)).await?;
    let disaster = course.mark("disaster");
    course
        .phase("find out", async {
            sleep(stage.before).await;
            Ok(())
        })
        .await?;

    let recovery = course.mark("recovery command");
    let wanted = match &backup {
        Some(backup) => backup.file.clone(),
        // Timestamps have milliseconds, and the newest state that is not after the instant is taken.
        None => (written.timestamp - INSTANT).to_string(),
    };
    let Restored { point, in_place } = course.phase("restore", stage.restore(&wanted)).await?;
    let restored = course.clock.now();
    if !in_place {
        return Err(Error::new(Code::Failed, format!("the restore of {} did not go in place", point.file)));
    }
    // With a backup it is the drill itself that says how long it waits.
    let behind = backup.is_none().then(|| written.timestamp.duration_since(point.created_at).as_secs_f64());
    stage.recovered().await?;
    Ok(Outcome {
        disaster,
        recovery: Some(recovery),
        allowance: Allowance::Between(point.created_at, restored),
        promised: Promised { lag: behind.map(Lag::Point), ..PROMISED },
        restore_point: Some(point),
    })
}
