//! What a restore records before it acts, so that the next restore can finish its work or undo it: a JSON annotation of
//! the Lease.

use std::collections::BTreeMap;
use std::fmt;

use engine::restore;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who restores: one Job, in all of its pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The Job's name, or the host's.
    pub name: String,
    /// The Job's uid, or another unique id.
    pub uid: String,
}

impl fmt::Display for Identity {
    /// As the Lease's `holderIdentity` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.name, self.uid)
    }
}

/// The last phase that a restore has certainly reached. The next phase may have begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The restore point is chosen and verified.
    Chosen,
    /// The old state is recorded; the application may be stopped.
    Quiescing,
    /// The pods are gone; the database may be replaced.
    Quiesced,
    /// The database is restored; what was stopped may be back.
    Restored,
}

/// How things were before anything was stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Replicas of each Deployment.
    pub deployments: BTreeMap<String, i32>,
    /// Whether each CronJob was suspended.
    pub suspended: BTreeMap<String, bool>,
}

impl Remembered {
    /// Whether nothing was stopped.
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty() && self.suspended.is_empty()
    }

    /// Takes in what is seen now. A zero or a suspension may be our own, or that of a restore that died: there what is
    /// remembered counts. Any other value is a newer choice of the operator.
    pub fn add(&mut self, seen: Remembered) {
        for (name, replicas) in seen.deployments {
            let was = self.deployments.entry(name).or_insert(replicas);
            if replicas != 0 {
                *was = replicas;
            }
        }
        for (name, suspended) in seen.suspended {
            let was = self.suspended.entry(name).or_insert(suspended);
            *was &= suspended;
        }
    }
}

impl fmt::Display for Remembered {
    /// `deployment/events (2 replicas), cronjob/sqlite-backup`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deployments = self.deployments.iter().map(|(name, n)| format!("deployment/{name} ({n} replicas)"));
        let cronjobs = self.suspended.iter().map(|(name, suspended)| match suspended {
            true => format!("cronjob/{name} (suspended before)"),
            false => format!("cronjob/{name}"),
        });
        f.write_str(&deployments.chain(cronjobs).collect::<Vec<_>>().join(", "))
    }
}

/// A restore under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Its owner.
    pub job: Identity,
    /// How far it has come.
    pub phase: Phase,
    /// The restore point as asked for.
    pub point: String,
    /// The one that it means, in the words of `--point`: `latest` is another one a minute later. A file of the backup
    /// folder, or a transaction of a replica.
    pub means: String,
    /// The instant of that one.
    pub reached: String,
    /// When it was chosen.
    pub since: Timestamp,
    /// When the first thing was stopped.
    pub stopped_at: Option<Timestamp>,
    /// What to bring back, also what an earlier restore stopped.
    pub was: Remembered,
    /// What was done, once the database is restored.
    pub report: Option<restore::Report>,
}
