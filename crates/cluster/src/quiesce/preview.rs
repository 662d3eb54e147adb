//! What a restore in a cluster would do.

use std::fmt;

use engine::restore::{self, How, Plan};
use pra_core::Result;
use pra_core::point::Point;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::state::Remembered;
use super::{Options, lease, point, run, workloads};
use crate::Cluster;

/// A plan, and what would be stopped for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The restore itself.
    pub plan: Plan,
    /// What would be stopped and brought back; null where the application goes on.
    pub quiesce: Option<Remembered>,
}

/// Plans. Changes nothing, and waits for no lock.
///
/// # Errors
/// As [`super::run`] before it does anything.
pub async fn preview(cluster: &Cluster, options: &Options) -> Result<Preview> {
    let Options { point, point_from, job, deployments, cronjobs, .. } = options;
    let found = lease::state(&lease::get(cluster, &options.lease).await?)?;
    let machine = Machine::new(job.clone(), found);
    let point = match (point, point_from) {
        (Some(point), _) => point.clone(),
        (None, Some(configmap)) => point::read(cluster, configmap, &job.uid).await?.1,
        (None, None) => Point::Latest,
    };
    let planned = restore::Options { point, ..options.restore.clone() };
    let plan = run::blocking(move || restore::plan(&planned)).await?.plan().clone();
    let mut was = machine.was();
    if plan.mode == How::Replace {
        was.add(workloads::see(cluster, deployments, cronjobs).await?);
    }
    Ok(Preview { plan, quiesce: (!was.is_empty()).then_some(was) })
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)?;
        match &self.quiesce {
            Some(was) => write!(f, "\nstop     {was}; all of it is brought back"),
            None => write!(f, "\nstop     nothing"),
        }
    }
}
