//! The report of a restore in a cluster.

use std::collections::BTreeMap;
use std::fmt;

use engine::restore;
use serde::{Deserialize, Serialize};

/// A restore, and what was stopped for it; `-o json` prints it, and the Lease keeps the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was done to the database.
    #[serde(flatten)]
    pub restore: restore::Report,
    /// What was stopped; null where the application went on.
    pub quiesced: Option<Quiesced>,
    /// The Job that did it.
    pub job: String,
    /// Its uid: a further pod of it has nothing left to do.
    pub job_uid: String,
    /// When it was done, RFC 3339.
    pub at: jiff::Timestamp,
}

/// For people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.restore.fmt(f)?;
        let Some(Quiesced { deployments, seconds }) = &self.quiesced else {
            return f.write_str("\nnothing was stopped");
        };
        let names: Vec<String> = deployments.iter().map(|(name, n)| format!("deployment/{name} ({n})")).collect();
        write!(f, "\nstopped for {seconds:.1} s: {}", names.join(", "))
    }
}

/// What was stopped and is back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quiesced {
    /// Replicas of each Deployment, before and after.
    pub deployments: BTreeMap<String, i32>,
    /// From the first thing stopped to the last one ready.
    pub seconds: f64,
}
