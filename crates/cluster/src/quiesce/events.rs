//! Kubernetes Events about the application's Deployment: what `kubectl describe deployment/events` shows of a restore.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::{ObjectMeta, PostParams};

use super::lease;
use crate::Cluster;
use crate::workload::MANAGER;

/// How long an Event may take. It is for people: one that fails is logged.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest message that the API server takes.
const LONGEST: usize = 1024;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    RestoreStarted,
    Quiesced,
    Restored,
    Resumed,
    RestoreFailed,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Self::RestoreStarted => "RestoreStarted",
            Self::Quiesced => "Quiesced",
            Self::Restored => "Restored",
            Self::Resumed => "Resumed",
            Self::RestoreFailed => "RestoreFailed",
        }
    }

    fn kind(self) -> &'static str {
        if self == Self::RestoreFailed { "Warning" } else { "Normal" }
    }
}

/// Reports what happens, in the log and as Events of one Deployment.
pub(super) struct Events<'a> {
    cluster: &'a Cluster,
    about: Option<ObjectReference>,
}

impl<'a> Events<'a> {
    /// Events about `deployment`; without one (or where it cannot be read) there is only the log.
    pub(super) async fn about(cluster: &'a Cluster, deployment: Option<&str>) -> Self {
        let about = match deployment {
            Some(name) => reference(cluster, name).await,
            None => None,
        };
        Self { cluster, about }
    }

    /// Reports one event.
    pub(super) async fn tell(&self, reason: Reason, message: String) {
        match reason {
            Reason::RestoreFailed => tracing::error!(reason = reason.name(), "{message}"),
            _ => tracing::info!(reason = reason.name(), "{message}"),
        }
        let Some(about) = &self.about else { return };
        let event = event(about, reason, message);
        let (api, params) = (self.cluster.api::<Event>(), PostParams::default());
        match tokio::time::timeout(PATIENCE, api.create(&params, &event)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, reason = reason.name(), "failed to emit an Event"),
            Err(error) => tracing::warn!(%error, reason = reason.name(), "failed to emit an Event"),
        }
    }
}

async fn reference(cluster: &Cluster, name: &str) -> Option<ObjectReference> {
    let api = cluster.api::<Deployment>();
    match tokio::time::timeout(PATIENCE, api.get(name)).await {
        Ok(Ok(deployment)) => Some(ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            namespace: Some(cluster.namespace().to_owned()),
            name: Some(name.to_owned()),
            uid: deployment.uid(),
            ..ObjectReference::default()
        }),
        Ok(Err(error)) => {
            tracing::warn!(%error, deployment = name, "no Events: failed to get the deployment");
            None
        }
        Err(error) => {
            tracing::warn!(%error, deployment = name, "no Events: failed to get the deployment");
            None
        }
    }
}

fn event(about: &ObjectReference, reason: Reason, mut message: String) -> Event {
    message.truncate(message.floor_char_boundary(LONGEST));
    let now = Time(lease::now());
    Event {
        metadata: ObjectMeta {
            generate_name: Some("restore-".to_owned()),
            namespace: about.namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: about.clone(),
        reason: Some(reason.name().to_owned()),
        message: Some(message),
        type_: Some(reason.kind().to_owned()),
        source: Some(EventSource { component: Some(MANAGER.to_owned()), ..EventSource::default() }),
        reporting_component: Some(MANAGER.to_owned()),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        ..Event::default()
    }
}
