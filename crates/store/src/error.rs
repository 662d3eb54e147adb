//! One error type: what failed, on what, and what to do about it.
//!
//! The [`Kind`] is the caller's decision (retry, give up, ask a human). `Display` says what failed and never repeats
//! its source. Nothing secret is ever in it: what a store or a key file said is cut down before it gets here.

use std::io;
use std::path::Path;

/// What a caller can decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The configuration is wrong; the same call will fail again.
    Usage,
    /// The store answered, and the object is not there.
    NotFound,
    /// What was read is not what was written, or is of a version that this program does not know.
    Damaged,
    /// The store does not answer, or refuses us: nothing is known about what it holds. Never to be taken for empty.
    OutOfReach,
    /// Somebody else has written, or writes here.
    Conflict,
    /// Anything that has no kind of its own.
    Failed,
}

/// What failed, on what, and a hint at what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind; `message` reads "failed to … 'thing'", lower case, without full stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// A failed operation of the operating system on `path`; `action` reads "create", "sync", ….
    pub fn io(action: &str, path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as E;
        let (kind, hint) = match source.kind() {
            E::NotFound => (Kind::NotFound, None),
            E::StorageFull | E::QuotaExceeded => (Kind::Failed, Some("the disk is full: free some room")),
            E::PermissionDenied => {
                (Kind::OutOfReach, Some("check the owner and the mode of the folder and of those above it"))
            }
            E::ReadOnlyFilesystem => (Kind::Failed, Some("the volume is mounted read-only here: mount it writable")),
            // What network file systems say when their server is gone.
            E::TimedOut | E::StaleNetworkFileHandle | E::NotConnected | E::HostUnreachable => (Kind::OutOfReach, None),
            _ => (Kind::Failed, None),
        };
        let error = Self::new(kind, format!("failed to {action} '{}'", path.display())).because(source);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// The caller's decision.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do about it, where there is something to say.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}
