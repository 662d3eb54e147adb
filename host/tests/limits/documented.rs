//! The numbers that belong together: what the host allows, what is documented, and what its pod may have.

use std::process::Command;

/// Its limits are the flags of this table.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/architecture.md");
const DEPLOYMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../k8s/components/deployment/events.yaml");

/// What `--help` says, on one line.
fn help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_host")).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The default of a flag, in the flag's unit.
pub(crate) fn default_of(flag: &str) -> usize {
    let help = help();
    let (_, told) = help.split_once(&format!("{flag} <")).unwrap();
    let (_, default) = told.split_once("[default: ").unwrap();
    default.split(']').next().unwrap().parse().unwrap()
}

/// The memory that the pod of the application may have, in MiB.
pub(crate) fn pod_mib() -> usize {
    let text = std::fs::read_to_string(DEPLOYMENT).unwrap();
    let (_, container) = text.split_once("- name: events\n").unwrap();
    let (_, limit) = container.split_once("limits: {memory: ").unwrap();
    limit.split("Mi}").next().unwrap().parse().unwrap()
}

/// What no budget counts: of each request that runs, in KiB. As `--help` says it.
const FREE_KIB: usize = 1536;

#[test]
fn all_that_may_run_at_once_fits_into_the_pod() {
    assert!(help().contains("instances above 1.5 MiB"), "{}", help());
    let running = default_of("--max-instances") * FREE_KIB / 1024;
    let (shared, pod) = (default_of("--max-shared-memory"), pod_mib());
    assert!(running + shared < pod, "{running} and {shared} MiB in a pod of {pod}");
    let one = default_of("--max-memory");
    assert!(one <= shared, "an instance of {one} MiB never gets a share of {shared}");
}

#[test]
fn the_documentation_has_the_defaults_of_today_once() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    for (flag, unit) in [
        ("--max-instances", ""),
        ("--max-connections", ""),
        ("--body-timeout", " s"),
        ("--request-timeout", " s"),
        ("--max-memory", " MiB"),
        ("--max-shared-memory", " MiB"),
    ] {
        let rows: Vec<_> =
            text.lines().filter(|line| line.starts_with('|') && line.contains(&format!("`{flag}`"))).collect();
        let [row] = rows[..] else { panic!("{flag} is in {} rows", rows.len()) };
        let default = format!("| {}{unit}", default_of(flag));
        assert!(row.contains(&default), "{row} has no '{default}'");
    }
    let pod = format!("the {} MiB of a pod", pod_mib());
    assert!(text.replace('\n', " ").contains(&pod), "'{pod}' is not said");
    let instances = format!("{} of the largest pages at once", default_of("--max-instances"));
    assert!(text.replace('\n', " ").contains(&instances), "'{instances}' is not said");
}
