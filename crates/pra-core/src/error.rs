//! One error type: what failed, on what, and what to do about it.
//!
//! The [`Code`] is the caller's decision (retry, give up, ask a human) and the process's exit code. `Display` says
//! what failed and never repeats its source; only `main` prints the chain.

use std::path::Path;

/// What a caller can decide on. The discriminant is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Anything that has no code of its own.
    Failed = 1,
    /// The arguments or the configuration are wrong; the same call will fail again.
    Usage = 2,
    /// The restore point asked for does not exist.
    NotFound = 3,
    /// A copy is not what it should be.
    Damaged = 4,
    /// Another process is at work or has the database open; try again.
    Busy = 5,
    /// A source or destination does not answer; try again.
    OutOfReach = 6,
    /// A signal came before it was done; nothing is left half done. As shells report SIGTERM: 128 + 15.
    Stopped = 143,
}

impl Code {
    /// The name that `-o json` prints as `error.code`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "no-such-restore-point",
            Self::Damaged => "verification-failed",
            Self::Busy => "busy",
            Self::OutOfReach => "out-of-reach",
            Self::Stopped => "stopped",
        }
    }

    /// What another process meant by its exit code; [`Self::Failed`] for any that is none of ours.
    pub fn from_exit_code(code: i32) -> Self {
        let all = [Self::Usage, Self::NotFound, Self::Damaged, Self::Busy, Self::OutOfReach];
        all.into_iter().find(|one| i32::from(one.exit_code()) == code).unwrap_or(Self::Failed)
    }

    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        self as u8
    }
}

/// What failed, on what, and a hint at what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given code; `message` reads "failed to … 'path'", lower case, without full stop.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, source: None }
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

    /// A failed operation of the operating system on `path`; `action` reads "create", "rename", ….
    pub fn io(action: &str, path: &Path, source: std::io::Error) -> Self {
        let hint = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Some("the disk is full: free some room or enlarge the volume, then run this again; nothing was changed")
            }
            std::io::ErrorKind::PermissionDenied => Some("check the owner and the mode of the folder and the file"),
            std::io::ErrorKind::ReadOnlyFilesystem => Some("the volume is mounted read-only here: mount it writable"),
            _ => None,
        };
        let error = Self::new(Code::Failed, format!("failed to {action} '{}'", path.display())).because(source);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// The caller's decision.
    pub fn code(&self) -> Code {
        self.code
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

    /// What to do about it, where there is something to say.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
