//! The kinds of objects of the kit, for requests that do not know their types.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use pra_core::{Code, Error, Result};
use serde_json::Value;

use crate::Cluster;

/// An object by kind and name, and the way to it.
#[derive(Clone)]
pub(super) struct Object {
    /// Such as `CronJob`.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// Requests for it.
    pub(super) api: Api<DynamicObject>,
}

impl Object {
    /// The way to the object that a manifest describes.
    ///
    /// # Errors
    /// [`Code::Failed`] where its kind is none of ours.
    pub(super) fn of(cluster: &Cluster, manifest: &Value) -> Result<Self> {
        let kind = manifest["kind"].as_str().unwrap_or_default();
        let resource = match kind {
            "ConfigMap" => ApiResource::erase::<ConfigMap>(&()),
            "CronJob" => ApiResource::erase::<CronJob>(&()),
            "Deployment" => ApiResource::erase::<Deployment>(&()),
            "Lease" => ApiResource::erase::<Lease>(&()),
            "NetworkPolicy" => ApiResource::erase::<NetworkPolicy>(&()),
            "PersistentVolumeClaim" => ApiResource::erase::<PersistentVolumeClaim>(&()),
            "Role" => ApiResource::erase::<Role>(&()),
            "RoleBinding" => ApiResource::erase::<RoleBinding>(&()),
            "ServiceAccount" => ApiResource::erase::<ServiceAccount>(&()),
            _ => return Err(Error::new(Code::Failed, format!("unsupported object kind '{kind}'"))),
        };
        Ok(Self {
            kind: kind.to_owned(),
            name: manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            api: Api::namespaced_with(cluster.client().clone(), cluster.namespace(), &resource),
        })
    }

    /// `kind/name`, as kubectl writes it.
    pub(super) fn title(&self) -> String {
        format!("{}/{}", self.kind.to_ascii_lowercase(), self.name)
    }
}
