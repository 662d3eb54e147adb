//! Volumes that are small or read-only. Root bypasses modes, so that a read-only folder has to be a mount.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Unmounts when dropped.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // A panic here would hide the test's own. Lazily: who still has something open there is ended a moment later.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

/// Runs `mount`, as only root may.
#[track_caller]
fn mount(arguments: &[&str], at: &Path) -> Mounted {
    let output = Command::new("mount").args(arguments).arg(at).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "these tests mount, which needs root: {errors}");
    Mounted(at.to_owned())
}

/// Mounts what is at `path` there once more, by itself.
///
/// # Panics
/// Where this user may not mount.
#[must_use]
#[track_caller]
pub fn bind(path: &Path) -> Mounted {
    mount(&["--bind", path.to_str().unwrap()], path)
}

/// A folder whose files can be read and nothing else.
#[derive(Debug)]
pub struct ReadOnly {
    _mounted: Mounted,
}

impl ReadOnly {
    /// Mounts `folder`.
    ///
    /// # Panics
    /// Where this user may not mount.
    #[must_use]
    #[track_caller]
    pub fn mount(folder: &Path) -> Self {
        let mounted = bind(folder);
        // Two calls: the flags of a bind mount take effect when it is mounted again.
        let status = Command::new("mount").args(["-o", "remount,bind,ro"]).arg(folder).status().unwrap();
        assert!(status.success(), "failed to make '{}' read-only", folder.display());
        Self { _mounted: mounted }
    }
}

/// A volume of so many KiB at `folder`, which should be empty.
///
/// # Panics
/// Where this user may not mount.
#[must_use]
#[track_caller]
pub fn small(folder: &Path, kib: u32) -> Mounted {
    mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], folder)
}
