//! The configuration of the manifests' containers: by arguments, since not every runtime passes the environment.

use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{Container, PodSpec};

/// The first container of a template.
pub(crate) fn container(cronjob: &CronJob) -> Option<&Container> {
    pod(cronjob)?.containers.first()
}

/// The pod of a template.
pub(crate) fn pod(cronjob: &CronJob) -> Option<&PodSpec> {
    cronjob.spec.as_ref()?.job_template.spec.as_ref()?.template.spec.as_ref()
}

/// The values of a flag, written `--flag=value` as in our manifests, or as two arguments.
pub(crate) fn values<'a>(container: &'a Container, flag: &str) -> Vec<&'a str> {
    let arguments: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    let joined = |at: usize| arguments.get(at)?.strip_prefix(flag)?.strip_prefix('=');
    let apart = |at: usize| (arguments.get(at) == Some(&flag)).then(|| arguments.get(at + 1).copied()).flatten();
    (0..arguments.len()).filter_map(|at| joined(at).or_else(|| apart(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_found_however_it_is_written() {
        let args = ["restore", "--lease=a", "--replica", "b", "--replica=c", "--leases=x"].map(str::to_owned);
        let container = Container { args: Some(args.to_vec()), ..Container::default() };
        assert_eq!(values(&container, "--lease"), ["a"]);
        assert_eq!(values(&container, "--replica"), ["b", "c"]);
        assert!(values(&container, "--mode").is_empty());
    }
}
