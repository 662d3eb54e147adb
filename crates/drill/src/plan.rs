//! What a drill will do, for people to agree to.

use std::fmt;

use serde::Serialize;

use super::Scenario;
use super::pod_crash::How;
use super::volume_loss::By;

/// The plan; `--dry-run` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// `pod-crash`, `volume-loss`, `bad-write` or `cluster-loss`.
    pub drill: &'static str,
    /// Which variant of it.
    pub how: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The application.
    pub app: String,
    /// Where it is written to.
    pub url: String,
    /// Writes per second.
    pub rate: u32,
    /// The claim of its data.
    pub claim: String,
    /// Its pods now.
    pub replicas: i32,
    /// Where it has replicas.
    pub replica: Option<String>,
    /// What will be done, in order.
    pub steps: Vec<String>,
}

impl Plan {
    /// The steps of a scenario.
    pub(super) fn steps(scenario: Scenario, app: &str, claim: &str, has_replica: bool) -> Vec<String> {
        let first = match has_replica {
            true => "suspend the backups and see that the replica follows",
            false => "suspend the backups and make one more",
        };
        let steps = match scenario {
            Scenario::PodCrash(how) => vec![
                match how {
                    How::Delete => format!("delete one pod of deployment '{app}'"),
                    How::Force => format!("delete one pod of deployment '{app}', without grace"),
                    How::ByHand => format!("name a pod of deployment '{app}' and wait until you have killed it"),
                },
                "wait until as many pods are ready as before".to_owned(),
            ],
            Scenario::VolumeLoss(by) => vec![
                first.to_owned(),
                format!("DISASTER: end all pods on claim '{claim}' and delete it, with all data in it"),
                match by {
                    By::Restore => format!("make claim '{claim}' again, restore it with a Job, start '{app}'"),
                    By::Init => format!("make claim '{claim}' again and start '{app}', which restores it"),
                },
            ],
            Scenario::BadWrite => vec![
                first.to_owned(),
                "write 1000 wrong events".to_owned(),
                match has_replica {
                    true => "restore the instant before them in place; everything written since is lost, also by other clients",
                    false => "restore that backup in place; everything written since is lost, also by other clients",
                }
                .to_owned(),
            ],
            Scenario::ClusterLoss => vec![
                "suspend the backups and see that the replica follows and the identity opens it".to_owned(),
                "DISASTER: delete the namespace with all volumes; its Secrets are in the memory of this process only"
                    .to_owned(),
                format!("make the namespace and its Secrets again and apply the manifests: '{app}' restores itself"),
            ],
        };
        let first = "write events all the time".to_owned();
        let last = "put back what is not as it was, read the events back and count what is lost".to_owned();
        [first].into_iter().chain(steps).chain([last]).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { drill, how, namespace, app, url, rate, claim: _, replicas, replica, steps } = self;
        writeln!(f, "drill  {drill} ({how})")?;
        writeln!(f, "on     '{app}' in namespace '{namespace}', {replicas} pods")?;
        if let Some(replica) = replica {
            writeln!(f, "with   the replica {replica}")?;
        }
        write!(f, "write  {rate} events per second to {url}")?;
        for (number, step) in steps.iter().enumerate() {
            write!(f, "\n  {}. {step}", number + 1)?;
        }
        Ok(())
    }
}
