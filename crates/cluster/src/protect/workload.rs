//! What a live Deployment says about its database: which claim holds it, where that is mounted, whose it is.

use std::path::{Component, Path};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, PodSpec, VolumeMount};
use kube::ResourceExt;
use pra_core::{Code, Error, Result};

use super::patch::INIT;

/// Folders that the kit's own volumes have in its pods.
const TAKEN: [&str; 2] = ["/backup", "/tmp"];

/// A workload's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The database, as the workload's container sees it.
    pub database: String,
    /// Where the data volume is mounted there.
    pub mount_path: String,
    /// The volume's name in the pod.
    pub volume: String,
    /// The volume's claim.
    pub claim: String,
    /// The user that owns the data.
    pub user: i64,
    /// Its group.
    pub group: i64,
    /// The group that the volumes are given to.
    pub fs_group: i64,
}

impl Workload {
    /// Reads it from a Deployment. `user` wins over what the Deployment says.
    ///
    /// # Errors
    /// [`Code::Usage`] if no claim holds the database, if the kit cannot share the way it is mounted, if another
    /// container would use it before it is restored, or if the workload's user is unknown.
    pub fn read(deployment: &Deployment, database: &str, user: Option<i64>) -> Result<Self> {
        let name = deployment.name_any();
        let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let pod = pod.ok_or_else(|| refused(format!("deployment '{name}' has no pod template")))?;
        let path = Path::new(database);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(refused(format!("'{database}' is not the full path of a file")));
        }
        let (container, mount) = mount_of(pod, path).ok_or_else(|| {
            refused(format!("no container of deployment '{name}' mounts a volume that holds '{database}'"))
                .hint("a database in the container's own file system dies with it: give it a volume first")
        })?;
        let claim = claim_of(pod, mount, &name)?;
        no_container_is_earlier(pod, &mount.name, &name)?;
        let context = pod.security_context.clone().unwrap_or_default();
        let own = container.security_context.clone().unwrap_or_default();
        let user = user.or(own.run_as_user).or(context.run_as_user).ok_or_else(|| {
            refused(format!("deployment '{name}' does not say as which user it runs"))
                .hint("give the number with --user; `ls -ln` of the database shows it")
        })?;
        let group = own.run_as_group.or(context.run_as_group).unwrap_or(user);
        Ok(Self {
            database: database.to_owned(),
            mount_path: mount.mount_path.clone(),
            volume: mount.name.clone(),
            claim,
            user,
            group,
            fs_group: context.fs_group.unwrap_or(group),
        })
    }
}

/// The container that has the database, and the mount: the deepest that holds it, a writable one if there is one.
fn mount_of<'a>(pod: &'a PodSpec, database: &Path) -> Option<(&'a Container, &'a VolumeMount)> {
    let mounts = pod
        .containers
        .iter()
        .flat_map(|container| container.volume_mounts.iter().flatten().map(move |mount| (container, mount)));
    let holds =
        |mount: &VolumeMount| database.starts_with(&mount.mount_path) && database != Path::new(&mount.mount_path);
    let depth = |mount: &VolumeMount| Path::new(&mount.mount_path).components().count();
    mounts.filter(|(_, mount)| holds(mount)).max_by_key(|(_, mount)| (depth(mount), mount.read_only != Some(true)))
}

fn claim_of(pod: &PodSpec, mount: &VolumeMount, name: &str) -> Result<String> {
    let VolumeMount { name: volume, mount_path, .. } = mount;
    let cannot = |why: &str| refused(format!("deployment '{name}' mounts volume '{volume}' at '{mount_path}' {why}"));
    if mount.sub_path.is_some() || mount.sub_path_expr.is_some() {
        return Err(cannot("with a subPath").hint("the kit's pods share the whole volume: mount it without subPath"));
    }
    if mount.read_only == Some(true) {
        return Err(cannot("read-only").hint("who writes this database? name that Deployment"));
    }
    if TAKEN.iter().any(|taken| Path::new(mount_path).starts_with(taken)) || mount_path == "/" {
        return Err(cannot("where the kit has a volume of its own").hint("mount it elsewhere than at /backup or /tmp"));
    }
    let source = pod.volumes.iter().flatten().find(|one| one.name == *volume);
    let claim = source.and_then(|one| one.persistent_volume_claim.as_ref());
    claim.map(|claim| claim.claim_name.clone()).ok_or_else(|| {
        cannot("which is no PersistentVolumeClaim")
            .hint("what is on it dies with the pod or the node: give it a claim first")
    })
}

/// Ours must be the first on the volume: a migration on an empty one makes a schema, and then all looks as if nothing
/// had been lost. (Server-side apply puts ours behind what is there.) Init containers that do not mount it may run at
/// any time, and ordinary containers start after all of these.
fn no_container_is_earlier(pod: &PodSpec, volume: &str, name: &str) -> Result<()> {
    let mounts = |one: &&Container| one.volume_mounts.iter().flatten().any(|mount| mount.name == volume);
    let theirs = pod.init_containers.iter().flatten().filter(|one| one.name != INIT).filter(mounts);
    let theirs: Vec<&str> = theirs.map(|one| one.name.as_str()).collect();
    if theirs.is_empty() {
        return Ok(());
    }
    let names = theirs.join("', '");
    Err(refused(format!(
        "init container '{names}' of deployment '{name}' mounts volume '{volume}' before it is restored"
    ))
    .hint("what it does to the database belongs into the application's own container, or take the mount away from it"))
}

/// Whether the kit's pods can mount the claim beside the workload's.
///
/// # Errors
/// [`Code::Usage`] where one pod alone may.
pub(super) fn can_be_shared(claim: &PersistentVolumeClaim) -> Result<()> {
    let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_deref()).unwrap_or_default();
    if modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        return Err(refused(format!("claim '{}' is ReadWriteOncePod: only one pod may mount it", claim.name_any()))
            .hint("backups and restores are pods of their own: move the data to a claim that is ReadWriteOnce"));
    }
    Ok(())
}

fn refused(message: String) -> Error {
    Error::new(Code::Usage, message)
}
