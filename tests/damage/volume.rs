//! Volumes that are full or read-only. Root bypasses modes, so that a read-only folder has to be a mount.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Unmounts when dropped.
pub(crate) struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // A panic here would hide the test's own.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

/// Runs `mount`, which only root may.
#[track_caller]
fn mount(arguments: &[&str], at: &Path) -> Mounted {
    let output = Command::new("mount").args(arguments).arg(at).output().expect("mount is missing");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs a user who may mount (root): {}", errors.trim());
    Mounted(at.to_owned())
}

/// A folder whose files can be read and nothing else.
pub(crate) struct ReadOnly {
    _mounted: Mounted,
}

impl ReadOnly {
    #[track_caller]
    pub(crate) fn mount(folder: &Path) -> Self {
        let mounted = mount(&["--bind", folder.to_str().unwrap()], folder);
        // Two calls: the flags of a bind mount take effect when it is mounted again.
        let status = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(folder).status().unwrap();
        assert!(status.success(), "'{}' could not be made read-only", folder.display());
        Self { _mounted: mounted }
    }
}

/// A small volume at `folder`, which should be empty.
#[track_caller]
pub(crate) fn small(folder: &Path, kib: u32) -> Mounted {
    mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], folder)
}
