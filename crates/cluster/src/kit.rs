//! The objects that protect one application, found by their labels.
//!
//! | label | value |
//! |---|---|
//! | `app.kubernetes.io/name` | `mini-pra` |
//! | `app.kubernetes.io/instance` | the application's name, such as `events` |
//! | `app.kubernetes.io/component` | `backup`, `restore`, `replicator`, `backups`, `drill` |

use k8s_openapi::api::batch::v1::CronJob;
use kube::ResourceExt;
use kube::api::ListParams;
use pra_core::{Code, Error, Result};

use super::call::call;
use super::{Cluster, arguments};

/// The annotation of a namespace in which drills are allowed; its value is `true`.
pub const ALLOWED: &str = "mini-pra/allow-drills";

/// The label that names the application.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label that names the part.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// The label that all objects of all kits have.
pub const SELECTOR: &str = "app.kubernetes.io/name=mini-pra";
/// The label of every pod that mounts a data volume; its value is the claim's name.
pub const VOLUME: &str = "pra-volume";

/// The CronJobs of one application's kit. The other objects' names are in their pods.
#[derive(Debug, Clone)]
pub struct Kit {
    /// The application's name.
    pub app: String,
    /// Makes the backups.
    pub backup: CronJob,
    /// The template of restores.
    pub restore: CronJob,
    /// The template of drills, where they are installed.
    pub drill: Option<CronJob>,
}

impl Kit {
    /// The kit of `app`, or the only one in the namespace.
    ///
    /// # Errors
    /// [`Code::Usage`] where there is none, or several and none was named.
    pub async fn find(cluster: &Cluster, app: Option<&str>) -> Result<Self> {
        let found = Self::cronjobs(cluster, None).await?;
        choose(cluster.namespace(), found, app)
    }

    /// The CronJobs of all kits in the namespace, or of `app`'s alone.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn cronjobs(cluster: &Cluster, app: Option<&str>) -> Result<Vec<CronJob>> {
        let selector = app.map_or_else(|| SELECTOR.to_owned(), |app| format!("{SELECTOR},{INSTANCE}={app}"));
        let list = ListParams::default().labels(&selector);
        let found = call(&format!("list the CronJobs of namespace '{}'", cluster.namespace()), || {
            let (api, list) = (cluster.api::<CronJob>(), list.clone());
            async move { api.list(&list).await }
        })
        .await?;
        Ok(found.items)
    }

    /// The Deployment of the application.
    pub fn deployment(&self) -> &str {
        let quiesce = flag(&self.restore, "--quiesce").and_then(|value| value.split(',').next());
        quiesce.and_then(|value| value.split_once('/')).map_or(self.app.as_str(), |(_, name)| name)
    }

    /// The Lease of its restores.
    pub fn lease(&self) -> &str {
        flag(&self.restore, "--lease").unwrap_or("restore")
    }

    /// The claim of the application's data: the restore template's volume `data`.
    ///
    /// # Errors
    /// [`Code::Usage`] where the template has no such volume.
    pub fn data_claim(&self) -> Result<String> {
        let claim = || {
            let pod = self.restore.spec.as_ref()?.job_template.spec.as_ref()?.template.spec.as_ref()?;
            let volume = pod.volumes.as_ref()?.iter().find(|volume| volume.name == "data")?;
            Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone())
        };
        claim().ok_or_else(|| {
            Error::new(Code::Usage, format!("the CronJob '{}' mounts no claim as 'data'", self.restore.name_any()))
                .hint("apply the manifests of this version again")
        })
    }
}

/// The value of a flag of a template's first container.
fn flag<'a>(cronjob: &'a CronJob, name: &str) -> Option<&'a str> {
    arguments::values(arguments::container(cronjob)?, name).first().copied()
}

fn choose(namespace: &str, cronjobs: Vec<CronJob>, app: Option<&str>) -> Result<Kit> {
    let mut apps: Vec<&str> = cronjobs.iter().filter_map(|one| label(one, INSTANCE)).collect();
    apps.sort_unstable();
    apps.dedup();
    let app = match (app, apps.as_slice()) {
        (Some(app), _) if apps.contains(&app) => app.to_owned(),
        (None, [only]) => (*only).to_owned(),
        (Some(app), _) => return Err(nothing(namespace, &format!("'{app}'"), &apps)),
        (None, []) => return Err(nothing(namespace, "anything", &apps)),
        (None, several) => {
            return Err(Error::new(
                Code::Usage,
                format!("several applications are protected in namespace '{namespace}': {}", several.join(", ")),
            )
            .hint("name one with --app"));
        }
    };
    let take = |component: &str| {
        cronjobs
            .iter()
            .find(|one| label(one, INSTANCE) == Some(&app) && label(one, COMPONENT) == Some(component))
            .cloned()
    };
    let need = |component: &str| {
        take(component).ok_or_else(|| {
            Error::new(
                Code::Usage,
                format!("namespace '{namespace}' has no CronJob with {INSTANCE}={app} and {COMPONENT}={component}"),
            )
            .hint("apply the manifests again: kubectl apply -k k8s, or kubectl pra protect")
        })
    };
    Ok(Kit { backup: need("backup")?, restore: need("restore")?, drill: take("drill"), app })
}

fn label<'a>(cronjob: &'a CronJob, key: &str) -> Option<&'a str> {
    cronjob.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn nothing(namespace: &str, what: &str, apps: &[&str]) -> Error {
    let there = if apps.is_empty() { String::new() } else { format!(" (protected: {})", apps.join(", ")) };
    Error::new(Code::Usage, format!("nothing protects {what} in namespace '{namespace}'{there}"))
        .hint("name the namespace with -n and the application with --app; `kubectl pra protect` protects one")
}

#[cfg(test)]
mod tests;
