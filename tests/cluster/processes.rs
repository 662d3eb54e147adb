//! The processes of a pod, where its node is this machine.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// SIGKILL for all processes of the pod with this uid, but for its sandbox. False: none are seen here.
pub(crate) fn kill_all_of(uid: &str) -> bool {
    // systemd's cgroup driver writes the uid with underscores.
    let names = [uid.to_owned(), uid.replace('-', "_")];
    let mut killed = false;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process may end meanwhile.
        let cgroup = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        let command = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if names.iter().any(|name| cgroup.contains(name)) && command.trim() != "pause" {
            killed |= kill(Pid::from_raw(id), Signal::SIGKILL).is_ok();
        }
    }
    killed
}
