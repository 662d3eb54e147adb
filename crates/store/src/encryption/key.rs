//! A new identity and its recipient.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519;
use pra_core::{Code, Error, Result};

/// A new identity, which is nowhere yet, and the recipient that belongs to it.
pub struct NewKey(x25519::Identity);

impl NewKey {
    /// Makes one.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// What to encrypt to. No secret.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Writes the identity into a new file that only its owner reads, as `age-keygen` does; `created` says when.
    ///
    /// # Errors
    /// Where the file exists: what it holds may be needed to open what was encrypted.
    pub fn write(&self, path: &Path, created: jiff::Timestamp) -> Result<()> {
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            self.write_to(&mut file, created)?;
            file.sync_all()?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(parent)?.sync_all()
        };
        write().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let message = format!("failed to write the new identity to '{}'", path.display());
                Error::new(Code::Usage, message).because(error).hint("make the folder first, or name another file")
            }
            std::io::ErrorKind::AlreadyExists => {
                let message = format!("there is a file at '{}' already", path.display());
                Error::new(Code::Usage, message)
                    .hint("it was left as it is, since it may be needed to open what was encrypted: name another file")
            }
            _ => crate::error::io("write the new identity to", path, error),
        })
    }

    /// Writes the identity as [`Self::write`] does, wherever that is.
    ///
    /// # Errors
    /// Where the writer fails.
    pub fn write_to(&self, mut to: impl Write, created: jiff::Timestamp) -> std::io::Result<()> {
        let secret = self.0.to_string();
        writeln!(to, "# created: {created:.0}\n# public key: {}\n{}", self.recipient(), secret.expose_secret())
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("recipient", &self.recipient()).finish_non_exhaustive()
    }
}
