//! A replica, before a disaster: whether it follows, and whether a restore could read it.

use jiff::Timestamp;
use pra_core::{Code, Error, Result};
use serde_json::Value;
use tokio::time::Instant;

use super::report::Point;
use super::stage::Stage;

/// Waits until a restore would take the replica, and would find there what was written before it was asked: a Job plans
/// one. After an earlier disaster that may take until the lease of the lost replicator has expired.
///
/// # Errors
/// [`Code::Failed`] where it is not so after the drill's limit; what the Job said, such as that it has no identity.
pub async fn follows(stage: &Stage) -> Result<Point> {
    let deadline = Instant::now() + stage.limit;
    for number in 1_u32.. {
        let written = stage.writers.ledger().acknowledgements().map(|(_, one)| one.receipt.timestamp).max();
        let step = format!("look-{number}");
        let seen = Seen::read(&stage.plan_restore(&step).await?)?;
        if seen.is_replica && written.is_none_or(|written| seen.point.created_at >= written) {
            return Ok(seen.point);
        }
        if Instant::now() >= deadline {
            let Seen { is_replica, point } = seen;
            let what =
                if is_replica { "the replica has nothing" } else { "the newest is a backup: the replica has nothing" };
            return Err(Error::new(Code::Failed, format!("{what} that was written after {}", point.created_at)).hint(
                "a drill begins with a replica that follows: `kubectl logs deployment/replicator` says why it does not",
            ));
        }
    }
    Err(Error::new(Code::Failed, "the replica was asked too often"))
}

/// What a restore of `latest` would take.
struct Seen {
    is_replica: bool,
    point: Point,
}

impl Seen {
    fn read(answer: &Value) -> Result<Self> {
        let text = |key: &str| answer.pointer(&format!("/plan/{key}")).and_then(Value::as_str);
        let read = || {
            let created_at: Timestamp = text("reached")?.parse().ok()?;
            let point = Point { file: text("point")?.to_owned(), created_at };
            Some(Self { is_replica: text("source")? == "replica", point })
        };
        read().ok_or_else(|| {
            Error::new(Code::Failed, format!("a restore was planned, and what it said is no plan: {answer}"))
                .hint("the image in the cluster and this program are of different versions")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_says_where_it_would_restore_from_and_to_which_instant() {
        let plan =
            |source: &str| json!({ "plan": { "source": source, "point": "p", "reached": "2026-01-10T12:00:00Z" } });
        let seen = Seen::read(&plan("replica")).unwrap();
        assert!(seen.is_replica);
        assert_eq!((seen.point.file.as_str(), seen.point.created_at.as_second()), ("p", 1_768_046_400));
        assert!(!Seen::read(&plan("backup")).unwrap().is_replica);
        assert!(Seen::read(&json!({ "error": {} })).is_err());
    }
}
