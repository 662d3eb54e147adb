//! A database that is mounted by itself, as a single file: SQLite's log and journal lie in the folder around it, which
//! is another volume, and nothing can be renamed over a mount point. So no copy of it is whole, and it cannot be
//! restored.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pra_core::{Code, Error, Result};

use crate::home;

/// The mounts that this process sees: `proc_pid_mountinfo(5)`.
const MOUNTS: &str = "/proc/self/mountinfo";

/// In a line of [`MOUNTS`], the field that is the mount point.
const POINT: usize = 4;

/// Fails where `database` is a mount point.
///
/// # Errors
/// [`Code::Usage`] where it is one.
pub fn require_none(database: &Path) -> Result<()> {
    // The verb reports a missing folder.
    let Ok(path) = home::absolute(database) else { return Ok(()) };
    let mounts = match std::fs::read(MOUNTS) {
        Ok(mounts) => mounts,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", Path::new(MOUNTS), error)),
    };
    if !is_point(&mounts, path.as_os_str().as_bytes()) {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("'{}' is mounted as a single file", path.display()))
        .hint("mount the folder that holds it: SQLite's log is beside the database, and a restore renames files there"))
}

fn is_point(mounts: &[u8], path: &[u8]) -> bool {
    let point = |line: &[u8]| line.split(|byte| *byte == b' ').nth(POINT).map(unescaped);
    mounts.split(|byte| *byte == b'\n').filter_map(point).any(|point| point == path)
}

/// Spaces, tabs, line ends and backslashes are three octal digits after a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let octal =
            after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|one| (b'0'..=b'7').contains(one)));
        match octal {
            Some(digits) => {
                bytes.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_known_by_its_whole_path_whatever_is_in_it() {
        let mounts =
            b"36 35 98:0 /a /data/my\\040app.db rw - ext4 /dev/sda1 rw\n37 35 98:0 / /data/other rw - ext4 x rw\n";
        assert!(is_point(mounts, b"/data/my app.db"));
        assert!(is_point(mounts, b"/data/other"));
        for path in ["/data/my", "/data/other/app.db", "/data", "ext4"] {
            assert!(!is_point(mounts, path.as_bytes()), "{path}");
        }
    }
}
