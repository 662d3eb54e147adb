//! What an operating system's error means for a store: whether it is known what the store holds.

use std::io;
use std::path::Path;

pub use pra_core::{Code, Error};

/// A failed operation of the operating system on `path`; `action` reads "create", "sync", ….
pub(crate) fn io(action: &str, path: &Path, source: io::Error) -> Error {
    use io::ErrorKind as E;
    let (code, hint) = match source.kind() {
        E::NotFound => (Code::NotFound, None),
        E::StorageFull | E::QuotaExceeded => (Code::Failed, Some("the disk is full: free some room")),
        E::PermissionDenied => {
            (Code::OutOfReach, Some("check the owner and the mode of the folder and of those above it"))
        }
        E::ReadOnlyFilesystem => (Code::Failed, Some("the volume is mounted read-only here: mount it writable")),
        // What network file systems say when their server is gone.
        E::TimedOut | E::StaleNetworkFileHandle | E::NotConnected | E::HostUnreachable => (Code::OutOfReach, None),
        _ => (Code::Failed, None),
    };
    let error = Error::new(code, format!("failed to {action} '{}'", path.display())).because(source);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
