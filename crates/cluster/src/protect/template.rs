//! `k8s/kit`, embedded, with other names, claims, paths and users in place, and nothing else changed.

use pra_core::{Code, Error, Result};
use serde_json::{Value, json};

use super::names::Names;
use super::workload::Workload;
use crate::kit::{INSTANCE, VOLUME};

/// The manifests, in the order of `kustomization.yaml`.
const FILES: [&str; 8] = [
    include_str!("../../../../k8s/kit/pra-backup.yaml"),
    include_str!("../../../../k8s/kit/sqlite-backup.yaml"),
    include_str!("../../../../k8s/kit/replicator.yaml"),
    include_str!("../../../../k8s/kit/restore.yaml"),
    include_str!("../../../../k8s/kit/rehearse.yaml"),
    include_str!("../../../../k8s/kit/restore-point.yaml"),
    include_str!("../../../../k8s/kit/restore-access.yaml"),
    include_str!("../../../../k8s/kit/network.yaml"),
];

/// The event application's Deployment: its init container is used for every application.
const DEPLOYMENT: &str = include_str!("../../../../k8s/components/deployment/events.yaml");

/// What differs from one application to the next.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What the objects are called.
    pub(super) names: Names,
    /// Where the database is, and its owner.
    pub(super) workload: Workload,
    /// The image of `backup-job`; none: the manifests'.
    pub(super) image: Option<String>,
    /// When backups are made, as cron writes it; none: the manifests'.
    pub(super) schedule: Option<String>,
    /// Size of the claim of the backups; none: the manifests'.
    pub(super) backup_size: Option<String>,
}

/// The objects of the kit.
///
/// # Errors
/// [`Code::Failed`] where the manifests say something that this does not know: a test makes sure that they do not.
pub(super) fn kit(settings: &Settings) -> Result<Vec<Value>> {
    let mut objects = read()?;
    objects.iter_mut().try_for_each(|object| object_of(object, settings))?;
    Ok(objects)
}

/// Kind and name of each object of a kit.
///
/// # Errors
/// As [`kit`].
pub(super) fn objects(names: &Names) -> Result<Vec<Value>> {
    let mut objects = read()?;
    for object in &mut objects {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        rename(&mut object["metadata"]["name"], &kind, names)?;
    }
    Ok(objects)
}

/// The init container, its mounts under the names that the kit gives its volumes.
pub(super) fn init_container(settings: &Settings) -> Result<Value> {
    let found = documents(DEPLOYMENT)?
        .into_iter()
        .find_map(|mut object| object.pointer_mut("/spec/template/spec/initContainers/0").map(Value::take));
    let mut init = found.ok_or_else(|| Error::new(Code::Failed, "the event application has no init container"))?;
    container(&mut init, settings)?;
    Ok(init)
}

/// The security context of the kit's pods, for this user.
pub(super) fn security_context(settings: &Settings) -> Result<Value> {
    let found = documents(DEPLOYMENT)?
        .into_iter()
        .find_map(|mut object| object.pointer_mut("/spec/template/spec/securityContext").map(Value::take));
    let mut context = found.ok_or_else(|| Error::new(Code::Failed, "the event application has no security context"))?;
    user(&mut context, &settings.workload);
    Ok(context)
}

/// The term of affinity that brings a pod to the others of its data volume.
pub(super) fn affinity(claim: &str) -> Value {
    json!([{
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": { "matchLabels": { VOLUME: claim } },
    }])
}

fn read() -> Result<Vec<Value>> {
    FILES.iter().try_fold(Vec::new(), |mut objects, file| {
        objects.extend(documents(file)?);
        Ok(objects)
    })
}

fn documents(text: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(text)
        .map_err(|e| Error::new(Code::Failed, "failed to read the embedded manifests").because(e))
}

fn object_of(object: &mut Value, settings: &Settings) -> Result<()> {
    let names = &settings.names;
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    rename(&mut object["metadata"]["name"], &kind, names)?;
    label(object, &names.app);
    match kind.as_str() {
        "PersistentVolumeClaim" => set(object, "/spec/resources/requests/storage", settings.backup_size.as_ref()),
        "CronJob" => {
            if object["metadata"]["name"] == names.backup.as_str() {
                set(object, "/spec/schedule", settings.schedule.as_ref());
            }
            label(&mut object["spec"]["jobTemplate"], &names.app);
            pod(&mut object["spec"]["jobTemplate"]["spec"]["template"], settings)?;
        }
        "Deployment" => {
            object["spec"]["selector"]["matchLabels"][INSTANCE] = json!(names.app);
            pod(&mut object["spec"]["template"], settings)?;
        }
        "NetworkPolicy" => object["spec"]["podSelector"]["matchLabels"][INSTANCE] = json!(names.app),
        "Role" => each(object, "rules").try_for_each(|rule| rights(rule, names))?,
        "RoleBinding" => {
            rename(&mut object["roleRef"]["name"], "Role", names)?;
            each(object, "subjects").try_for_each(|who| rename(&mut who["name"], "ServiceAccount", names))?;
        }
        _ => {}
    }
    Ok(())
}

/// The labels that `kustomization.yaml` adds.
fn label(object: &mut Value, app: &str) {
    let labels = &mut object["metadata"]["labels"];
    labels["app.kubernetes.io/name"] = json!("mini-pra");
    labels[INSTANCE] = json!(app);
    labels["app.kubernetes.io/part-of"] = json!("mini-pra");
}

fn pod(template: &mut Value, settings: &Settings) -> Result<()> {
    let Settings { names, workload, .. } = settings;
    label(template, &names.app);
    template["metadata"]["labels"][VOLUME] = json!(names.data_claim);
    let spec = &mut template["spec"];
    spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = affinity(&names.data_claim);
    user(&mut spec["securityContext"], workload);
    if spec["serviceAccountName"].is_string() {
        rename(&mut spec["serviceAccountName"], "ServiceAccount", names)?;
    }
    for volume in each(spec, "volumes") {
        if let Some(claim) = volume.pointer_mut("/persistentVolumeClaim/claimName") {
            rename(claim, "PersistentVolumeClaim", names)?;
        }
    }
    each(spec, "containers").try_for_each(|one| container(one, settings))
}

fn container(container: &mut Value, settings: &Settings) -> Result<()> {
    let Settings { names, workload, .. } = settings;
    set(container, "/image", settings.image.as_ref());
    for mount in each(container, "volumeMounts").filter(|mount| mount["name"] == "data") {
        mount["mountPath"] = json!(workload.mount_path);
    }
    for argument in each(container, "args") {
        let Some((flag, value)) = argument.as_str().and_then(|text| text.split_once('=')) else { continue };
        let value = match flag {
            "--database" => workload.database.clone(),
            "--lease" => names.rename("Lease", value)?,
            "--quiesce" | "--suspend" | "--point-from" => {
                let Some((kind, old)) = value.split_once('/') else {
                    return Err(Error::new(Code::Failed, format!("the kit's {flag} is not of the form KIND/NAME")));
                };
                format!("{kind}/{}", names.rename(kind, old)?)
            }
            _ => continue,
        };
        *argument = json!(format!("{flag}={value}"));
    }
    Ok(())
}

fn user(context: &mut Value, workload: &Workload) {
    context["runAsNonRoot"] = json!(workload.user != 0);
    context["runAsUser"] = json!(workload.user);
    context["runAsGroup"] = json!(workload.group);
    context["fsGroup"] = json!(workload.fs_group);
}

/// The objects that a rule of the Role names.
fn rights(rule: &mut Value, names: &Names) -> Result<()> {
    let resource = rule["resources"][0].as_str().unwrap_or_default();
    let kind = resource.split('/').next().unwrap_or_default().trim_end_matches('s').to_owned();
    each(rule, "resourceNames").try_for_each(|name| rename(name, &kind, names))
}

fn rename(name: &mut Value, kind: &str, names: &Names) -> Result<()> {
    *name = json!(names.rename(kind, name.as_str().unwrap_or_default())?);
    Ok(())
}

fn set(object: &mut Value, pointer: &str, value: Option<&String>) {
    if let (Some(place), Some(value)) = (object.pointer_mut(pointer), value) {
        *place = json!(value);
    }
}

/// The items of a list; none where there is none.
fn each<'a>(object: &'a mut Value, list: &str) -> std::slice::IterMut<'a, Value> {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    items.map(|items| items.iter_mut()).unwrap_or_default()
}
