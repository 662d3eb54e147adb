//! Small JSON documents that say what they are, and of which version.

use bytes::Bytes;
use pra_core::{Code, Error, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What kind of document, and the newest version that this program knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) name: &'static str,
    pub(super) version: u32,
}

/// A longer one is none of ours. In bytes.
pub(super) const LONGEST: u64 = 64 << 10;

#[derive(Serialize)]
struct Document<'a, T> {
    format: &'a str,
    version: u32,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Deserialize)]
struct Beginning {
    format: String,
    version: u32,
}

impl Format {
    pub(super) fn encode<T: Serialize>(self, body: &T) -> Result<Bytes> {
        let document = Document { format: self.name, version: self.version, body };
        let mut text = serde_json::to_vec_pretty(&document)
            .map_err(|error| Error::new(Code::Failed, format!("failed to encode a {}", self.name)).because(error))?;
        text.push(b'\n');
        Ok(text.into())
    }

    /// `name` is the object's, for errors.
    pub(super) fn decode<T: DeserializeOwned>(self, name: &str, text: &[u8]) -> Result<T> {
        let damaged = |why: String| Error::new(Code::Damaged, format!("'{name}' {why}"));
        let beginning: Beginning =
            serde_json::from_slice(text).map_err(|error| damaged(format!("is no {}", self.name)).because(error))?;
        if beginning.format != self.name {
            return Err(damaged(format!("is no {}", self.name)));
        }
        if beginning.version != self.version {
            let (theirs, ours) = (beginning.version, self.version);
            return Err(damaged(format!(
                "is of version {theirs} of {}, and this program reads version {ours}",
                self.name
            ))
            .hint("use the backup-job that wrote it, or a newer one"));
        }
        serde_json::from_slice(text).map_err(|error| damaged("is damaged".to_owned()).because(error))
    }
}
