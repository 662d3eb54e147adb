//! The identity for encrypted files, read only when an encrypted file is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use pra_core::{Code, Error, Result};
use store::encryption::Identities;

/// The identity, if one was given, and whether plaintext is accepted although one was given. Clones read the file once.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    identity: Option<Arc<Identity>>,
    accept_plaintext: bool,
}

struct Identity {
    path: PathBuf,
    read: OnceLock<Arc<Identities>>,
}

/// What was given as a path may be an identity itself.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Keys {
    /// The identity in the file `path`, which is not read yet: where nothing encrypted is met it may be missing.
    pub fn new(path: Option<PathBuf>, accept_plaintext: bool) -> Self {
        Self { identity: path.map(|path| Arc::new(Identity { path, read: OnceLock::new() })), accept_plaintext }
    }

    /// Whether an identity was given.
    pub fn given(&self) -> bool {
        self.identity.is_some()
    }

    /// The identity, read now where it was not before; `None` where none was given.
    ///
    /// # Errors
    /// [`Code::Usage`] where its file is missing or holds none.
    pub fn identities(&self) -> Result<Option<Arc<Identities>>> {
        let Some(Identity { path, read }) = self.identity.as_deref() else { return Ok(None) };
        if let Some(identities) = read.get() {
            return Ok(Some(Arc::clone(identities)));
        }
        let identities = Arc::new(Identities::read(path)?);
        Ok(Some(Arc::clone(read.get_or_init(|| identities))))
    }

    /// The identity for the encrypted file `path`.
    ///
    /// # Errors
    /// [`Code::Usage`] where none was given, or its file is missing or holds none.
    pub(crate) fn required(&self, path: &Path) -> Result<Arc<Identities>> {
        match self.identities()? {
            Some(identities) => Ok(identities),
            None => Err(missing(&format!("'{}' is encrypted", path.display()))),
        }
    }

    /// As [`Self::require`], for a file in the backup folder.
    pub(crate) fn require_of(&self, path: &Path, encrypted: bool) -> Result<()> {
        let path = path.display();
        self.require(encrypted, format_args!("'{path}' is encrypted"), format_args!("'{path}' is not encrypted"))
    }

    /// Fails if encrypted files cannot be opened, or if plaintext is not accepted. The texts say what was found: "the
    /// files in s3://… are encrypted", "a file in s3://… is not encrypted".
    ///
    /// # Errors
    /// [`Code::Usage`] without an identity; [`Code::Damaged`] for plaintext where there is one.
    pub fn require(
        &self,
        encrypted: bool,
        met_encrypted: impl fmt::Display,
        met_plain: impl fmt::Display,
    ) -> Result<()> {
        match (encrypted, self.given()) {
            (true, false) => Err(missing(&met_encrypted.to_string())),
            (false, true) if !self.accept_plaintext => {
                Err(Error::new(Code::Damaged, format!("{met_plain}, and an identity was given"))
                    .hint("any user who can write there may have put it there: --accept-plaintext takes it"))
            }
            _ => Ok(()),
        }
    }
}

fn missing(met: &str) -> Error {
    Error::new(Code::Usage, met)
        .hint("give the identity that opens them with --identity FILE; the cluster need not have it otherwise")
}
