//! The restore point that the ConfigMap asks for. A point is used once: the Job notes that it was, and sets it back to
//! `latest`, so that last month's choice is not restored at the next disaster.
//!
//! | key | meaning |
//! |---|---|
//! | `point` | what the next Job restores |
//! | `used` | uid of the Job that used the last point which was not `latest` |
//! | `used-point` | that point |

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use pra_core::point::Point;
use pra_core::{Code, Error, Result};

use crate::Cluster;
use crate::call::call;

const POINT: &str = "point";
const USED: &str = "used";
const USED_POINT: &str = "used-point";
const LATEST: &str = "latest";

/// How often a note is tried while others write to the ConfigMap.
const TRIES: u32 = 5;

type Data = BTreeMap<String, String>;

/// The point that the ConfigMap asks for, as it is written there and as it is meant.
///
/// # Errors
/// [`Code::Usage`] where it was used before, or is none; else as [`call`].
pub(super) async fn read(cluster: &Cluster, name: &str, uid: &str) -> Result<(String, Point)> {
    let data = get(cluster, name).await?.data.unwrap_or_default();
    let text = asked_for(&data, uid).map_err(|used| {
        Error::new(Code::Usage, format!("the restore point '{used}' of configmap '{name}' was used before")).hint(format!(
            "to use it again: kubectl -n {} patch configmap {name} --type merge -p '{{\"data\":{{\"used-point\":null}}}}'",
            cluster.namespace()
        ))
    })?;
    match text.parse::<Point>() {
        Ok(point) => Ok((text.to_owned(), point)),
        Err(error) => Err(Error::new(Code::Usage, format!("configmap '{name}': {error}")).hint(format!(
            "choose another: kubectl -n {} patch configmap {name} --type merge -p '{{\"data\":{{\"point\":\"latest\"}}}}'",
            cluster.namespace()
        ))),
    }
}

/// The text of the point; the error is one that was used before.
fn asked_for<'a>(data: &'a Data, uid: &str) -> Result<&'a str, &'a str> {
    let point = data.get(POINT).map_or(LATEST, |point| point.trim());
    let used = data.get(USED_POINT).map(String::as_str);
    match used {
        // An earlier pod of this Job has noted it.
        Some(used) if data.get(USED).is_some_and(|by| by == uid) => Ok(used),
        Some(used) if used == point && point != LATEST => Err(point),
        _ => Ok(point),
    }
}

/// Notes that the Job `uid` uses `point`. Does nothing for `latest`, or where it is noted.
///
/// # Errors
/// As [`call`].
pub(super) async fn note(cluster: &Cluster, name: &str, uid: &str, point: &str) -> Result<()> {
    for tried in 1.. {
        let mut configmap = get(cluster, name).await?;
        if !mark_used(configmap.data.get_or_insert_default(), uid, point) {
            return Ok(());
        }
        let written = call(&format!("note the used point in configmap '{name}'"), || {
            let (api, configmap) = (cluster.api::<ConfigMap>(), configmap.clone());
            async move { api.replace(name, &PostParams::default(), &configmap).await }
        })
        .await;
        match written {
            Err(error) if error.code() == Code::Busy && tried < TRIES => {}
            other => return other.map(drop),
        }
    }
    Ok(())
}

/// Whether there was something to change. A newer choice of the operator stays.
fn mark_used(data: &mut Data, uid: &str, point: &str) -> bool {
    if point == LATEST || data.get(USED).is_some_and(|by| by == uid) {
        return false;
    }
    if data.get(POINT).is_none_or(|now| now.trim() == point) {
        data.insert(POINT.to_owned(), LATEST.to_owned());
    }
    data.insert(USED.to_owned(), uid.to_owned());
    data.insert(USED_POINT.to_owned(), point.to_owned());
    true
}

async fn get(cluster: &Cluster, name: &str) -> Result<ConfigMap> {
    call(&format!("get configmap '{name}'"), || {
        let api = cluster.api::<ConfigMap>();
        async move { api.get(name).await }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data<const N: usize>(pairs: [(&str, &str); N]) -> Data {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn nothing_said_means_latest() {
        assert_eq!(asked_for(&data([]), "a"), Ok("latest"));
    }

    #[test]
    fn a_used_point_is_refused_to_another_job_and_given_again_to_the_same() {
        let mut all = data([("point", "15m")]);
        assert_eq!(asked_for(&all, "a"), Ok("15m"));
        assert!(mark_used(&mut all, "a", "15m"));
        assert_eq!(all, data([("point", "latest"), ("used", "a"), ("used-point", "15m")]));
        assert_eq!(asked_for(&all, "a"), Ok("15m"), "the Job's next pod");
        assert_eq!(asked_for(&all, "b"), Ok("latest"), "the next Job");
        all.insert("point".to_owned(), "15m".to_owned());
        assert_eq!(asked_for(&all, "b"), Err("15m"), "applied again");
        all.remove("used-point");
        assert_eq!(asked_for(&all, "b"), Ok("15m"), "allowed again");
    }

    #[test]
    fn latest_is_never_used_up() {
        let mut all = data([("point", "latest")]);
        assert!(!mark_used(&mut all, "a", "latest"));
        assert_eq!(asked_for(&all, "b"), Ok("latest"));
    }

    #[test]
    fn a_choice_made_meanwhile_stays_for_the_next_job() {
        let mut all = data([("point", "1h")]);
        assert!(mark_used(&mut all, "a", "15m"));
        assert_eq!(all["point"], "1h");
    }
}
