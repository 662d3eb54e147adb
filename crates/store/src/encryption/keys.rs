//! Recipients and identities, from where they are configured.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use age::{IdentityFile, x25519};
use pra_core::{Code, Error, Result};
use zeroize::Zeroizing;

/// Who can open what is encrypted: at least one.
#[derive(Clone)]
pub struct Recipients(Vec<Recipient>);

#[derive(Clone)]
enum Recipient {
    X25519(x25519::Recipient),
    Tag(Box<age::tag::Recipient>),
    TagPq(Box<age::tagpq::Recipient>),
}

/// A key file is some lines.
const LONGEST_FILE: u64 = 1 << 20;

/// How an identity begins, which is a secret.
const SECRET: &str = "AGE-SECRET-KEY-";

impl Recipients {
    /// Each a recipient as `age` writes it, `age1…`; the same twice counts once.
    ///
    /// # Errors
    /// [`Code::Usage`] where one is none, there are none, or they do not go together.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut shown = std::collections::BTreeSet::new();
        let mut recipients = Vec::new();
        for text in texts.into_iter().map(str::trim).filter(|text| !text.is_empty()) {
            let recipient = Recipient::parse(text)?;
            if shown.insert(recipient.to_string()) {
                recipients.push(recipient);
            }
        }
        if recipients.is_empty() {
            return Err(Error::new(Code::Usage, "there is no recipient to encrypt to"));
        }
        let recipients = Self(recipients);
        // Some do not go together: better said now than at the first object.
        drop(super::encrypt(&recipients, std::io::sink())?);
        Ok(recipients)
    }

    /// From a file with one a line; empty lines and those that begin with `#` do not count.
    ///
    /// # Errors
    /// As [`Self::parse`]; also where the file cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read(path, "recipients")?;
        Self::parse(text.lines().filter(|line| !line.trim_start().starts_with('#'))).map_err(|error| {
            Error::new(error.code(), format!("'{}' holds no recipients", path.display())).because(error)
        })
    }

    /// As they are configured, in one order. They are no secret.
    pub fn shown(&self) -> Vec<String> {
        let mut shown: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        shown.sort();
        shown
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|one| match one {
            Recipient::X25519(one) => one as &dyn age::Recipient,
            Recipient::Tag(one) => one.as_ref() as &dyn age::Recipient,
            Recipient::TagPq(one) => one.as_ref() as &dyn age::Recipient,
        })
    }
}

impl Recipient {
    fn parse(text: &str) -> Result<Self> {
        if text.to_ascii_uppercase().starts_with(SECRET) {
            let error = Error::new(Code::Usage, "an identity was given where a recipient belongs");
            return Err(error.hint("an identity is a secret, and every reader of this configuration knows it now: make a new one; the recipient is the line that begins with age1"));
        }
        if let Ok(one) = text.parse() {
            return Ok(Self::X25519(one));
        }
        if let Ok(one) = text.parse() {
            return Ok(Self::Tag(Box::new(one)));
        }
        if let Ok(one) = text.parse() {
            return Ok(Self::TagPq(Box::new(one)));
        }
        // What it is instead is not known, and so not shown.
        Err(Error::new(Code::Usage, "a recipient is not one of age's").hint(
            "a recipient begins with age1, age1tag1 or age1tagpq1; `backup-job keygen` makes one. Plugins and SSH \
             keys are not supported",
        ))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(one) => one.fmt(f),
            Self::Tag(one) => one.fmt(f),
            Self::TagPq(one) => one.fmt(f),
        }
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.shown()).finish()
    }
}

/// What opens encrypted objects: at least one. Nothing shows them.
pub struct Identities(Vec<Box<dyn age::Identity + Send + Sync>>);

impl Identities {
    /// From a file as `keygen` and `age-keygen` make it; there may be several in it.
    ///
    /// # Errors
    /// [`Code::Usage`] where it cannot be read or holds none; the error never shows what it holds.
    pub fn read(path: &Path) -> Result<Self> {
        let given = path.to_string_lossy().to_ascii_uppercase();
        if given.starts_with(SECRET) {
            let error = Error::new(Code::Usage, "an identity was given where the path of its file belongs");
            return Err(error.hint("write it into a file of mode 0600, and make a new one: this one is in the history"));
        }
        let text = read(path, "identities")?;
        let holds = |what: &str| Error::new(Code::Usage, format!("'{}' holds {what}", path.display()));
        if super::is_encrypted(text.as_bytes()) || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(
                holds("identities that are encrypted themselves").hint("open it first: age -d FILE > /dev/shm/key")
            );
        }
        // The library's error names the line, and not what is in it.
        let file = IdentityFile::from_buffer(text.as_bytes())
            .map_err(|error| holds("something that is no identity").because(error))?;
        let identities = file.into_identities().map_err(|error| holds("no identities").because(error.to_string()))?;
        if identities.is_empty() {
            return Err(holds("no identity"));
        }
        Ok(Self(identities))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|one| one.as_ref() as &dyn age::Identity)
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

fn read(path: &Path, what: &str) -> Result<Zeroizing<String>> {
    let failed = |error: std::io::Error| {
        Error::new(Code::Usage, format!("failed to read the {what} in '{}'", path.display())).because(error)
    };
    let mut text = Zeroizing::new(String::new());
    File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text)).map_err(failed)?;
    Ok(text)
}
