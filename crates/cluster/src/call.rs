//! One request to the API server: with a deadline, retries where they may help, and this project's errors.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::api::PostParams;
use kube::core::Status;
use kube::{Resource, ResourceExt};
use pra_core::{Code, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Cluster;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pauses between tries. Together with the tries themselves: some ten seconds without an API server, or a minute and a
/// half with one that does not answer.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Makes a request, and repeats it while the API server is out of reach or overloaded. `what` reads "get deployment
/// 'events'".
///
/// A request that creates something may have succeeded although its answer was lost: give it a name of its own and take
/// "already exists" for yes.
///
/// # Errors
/// [`Code::OutOfReach`] where the API server does not answer; [`Code::Usage`] where it does not allow the request or
/// does not understand it; [`Code::Busy`] for a conflict; [`Code::Failed`] for anything else.
pub async fn call<T, F, Fut>(what: &str, mut request: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    let mut pauses = PAUSES.iter();
    loop {
        let error = match tokio::time::timeout(PATIENCE, request()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !is_passing(&error) => return Err(failed(what, error)),
            Ok(Err(error)) => failed(what, error),
            Err(elapsed) => out_of_reach(what).because(elapsed),
        };
        match pauses.next() {
            Some(pause) => {
                tracing::warn!(error = error.chain(), "trying again");
                tokio::time::sleep(*pause).await;
            }
            None => return Err(error),
        }
    }
}

/// As [`call`]; `None` where the object is not there.
///
/// # Errors
/// As [`call`].
pub async fn find<T, F, Fut>(what: &str, mut request: F) -> Result<Option<T>>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = kube::Result<T>>,
{
    call(what, || {
        let found = request();
        async move {
            match found.await {
                Ok(found) => Ok(Some(found)),
                Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        }
    })
    .await
}

/// Makes an object; `kind` is its kind in words. An object of this name that already exists counts as success: the
/// answer to an earlier try was lost.
///
/// # Errors
/// As [`call`].
pub async fn create<K>(cluster: &Cluster, kind: &str, object: &K) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    call(&format!("create {kind} '{}'", object.name_any()), || {
        let api = cluster.api::<K>();
        async move {
            match api.create(&PostParams::default(), object).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
                done => done.map(drop),
            }
        }
    })
    .await
}

/// Whether the same request may succeed in a moment.
fn is_passing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || (status.code >= 500 && status.code != 501),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

/// Converts a failed request into our error.
pub fn failed(what: &str, error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) => refused(what, &status),
        error if is_passing(&error) => out_of_reach(what).because(error),
        error => Error::new(Code::Failed, format!("failed to {what}")).because(error),
    }
}

fn refused(what: &str, status: &Status) -> Error {
    let (code, hint) = match status.code {
        401 => (Code::Usage, Some("log in again: the API server does not know who asks")),
        403 => (
            Code::Usage,
            Some("the service account or user lacks this right: k8s/kit/restore-access.yaml has the Role"),
        ),
        404 => (Code::Usage, Some("check the name and --namespace")),
        409 => (Code::Busy, Some("another client changed it at the same time: try again")),
        400 | 422 => (Code::Usage, None),
        429 | 500..=599 => (Code::OutOfReach, Some("the API server is not well: try again in a moment")),
        _ => (Code::Failed, None),
    };
    let error = Error::new(code, format!("failed to {what}: {}", status.message));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn out_of_reach(what: &str) -> Error {
    Error::new(Code::OutOfReach, format!("failed to {what}: the API server does not answer"))
        .hint("check that the cluster runs and that a NetworkPolicy allows its port (443 or 6443), then try again")
}
