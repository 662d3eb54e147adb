//! The names of the kit's objects for one application.

use pra_core::{Code, Error, Result};

/// A CronJob's name may have 52 characters, since its Jobs' names get a suffix; ours adds `-replicator` at most.
const LONGEST: usize = 41;

/// The names of one application's kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The application: its Deployment, and the label `app.kubernetes.io/instance`.
    pub app: String,
    /// The claim of the application's data.
    pub data_claim: String,
    /// The claim of the backups.
    pub backup_claim: String,
    /// The CronJob of the backups.
    pub backup: String,
    /// The Deployment of the checkpointer.
    pub replicator: String,
    /// The CronJob, ServiceAccount, Role, RoleBinding and Lease of restores.
    pub restore: String,
    /// The CronJob of the rehearsals.
    pub rehearse: String,
    /// The ConfigMap that names the restore point.
    pub restore_point: String,
    /// The NetworkPolicy of backups and checkpointer.
    pub backup_network: String,
    /// The NetworkPolicy of restores.
    pub restore_network: String,
}

impl Names {
    /// As the manifests in `k8s/kit` have them.
    pub fn base() -> Self {
        let name = str::to_owned;
        Self {
            app: name("events"),
            data_claim: name("pra-data"),
            backup_claim: name("pra-backup"),
            backup: name("sqlite-backup"),
            replicator: name("replicator"),
            restore: name("restore"),
            rehearse: name("rehearse"),
            restore_point: name("restore-point"),
            backup_network: name("pra-backup"),
            restore_network: name("pra-restore"),
        }
    }

    /// For another application: each begins with its name.
    ///
    /// # Errors
    /// [`Code::Usage`] where the application's name is too long for that.
    pub fn of(app: &str, data_claim: &str) -> Result<Self> {
        if app.len() > LONGEST {
            return Err(Error::new(Code::Usage, format!("the name '{app}' is longer than {LONGEST} characters"))
                .hint("a CronJob's name has 52 at most, and the kit's begin with the application's"));
        }
        Ok(Self {
            app: app.to_owned(),
            data_claim: data_claim.to_owned(),
            backup_claim: format!("{app}-pra-backup"),
            backup: format!("{app}-backup"),
            replicator: format!("{app}-replicator"),
            restore: format!("{app}-restore"),
            rehearse: format!("{app}-rehearse"),
            restore_point: format!("{app}-restore-point"),
            backup_network: format!("{app}-backup"),
            restore_network: format!("{app}-restore"),
        })
    }

    /// The name that an object of `k8s/kit` gets here.
    ///
    /// # Errors
    /// [`Code::Failed`] where the manifests have an object that this does not know.
    pub(super) fn rename(&self, kind: &str, name: &str) -> Result<String> {
        let base = Self::base();
        let known = match kind.to_ascii_lowercase().as_str() {
            "deployment" => vec![(&base.app, &self.app), (&base.replicator, &self.replicator)],
            "cronjob" => {
                vec![(&base.backup, &self.backup), (&base.restore, &self.restore), (&base.rehearse, &self.rehearse)]
            }
            "persistentvolumeclaim" => {
                vec![(&base.data_claim, &self.data_claim), (&base.backup_claim, &self.backup_claim)]
            }
            "configmap" => vec![(&base.restore_point, &self.restore_point)],
            "lease" | "serviceaccount" | "role" | "rolebinding" => vec![(&base.restore, &self.restore)],
            "networkpolicy" => {
                vec![(&base.backup_network, &self.backup_network), (&base.restore_network, &self.restore_network)]
            }
            _ => Vec::new(),
        };
        let found = known.into_iter().find(|(old, _)| *old == name).map(|(_, new)| new.clone());
        found.ok_or_else(|| Error::new(Code::Failed, format!("the kit has no name for {kind} '{name}'")))
    }
}
