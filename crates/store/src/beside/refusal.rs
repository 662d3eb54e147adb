//! That a store has refused this database for good, kept from one start to the next.
//!
//! The store holds a future that this database has not seen. Until a person decides (`restore`, or `--takeover`), no
//! transaction is made here, whether or not the store can be asked again.

use std::path::Path;

use disk::files;
use pra_core::{Code, Error, Result};

use crate::url::ReplicaUrl;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const NAME: &str = "refused.json";

/// Who refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The store.
    pub replica: String,
    message: String,
    hint: Option<String>,
    at: Timestamp,
}

impl Refusal {
    /// What is kept of `database`, if anything.
    pub fn load(database: &Path) -> Result<Option<Self>> {
        super::read(&super::folder(database)?.join(NAME))
    }

    /// That `replica` refused with this error.
    pub fn of(replica: &ReplicaUrl, error: &Error) -> Self {
        Self {
            replica: replica.to_string(),
            message: error.to_string(),
            hint: error.hint_text().map(str::to_owned),
            at: disk::clock::now(),
        }
    }

    /// Keeps it for the next starts with `database`.
    pub fn keep(&self, database: &Path) -> Result<()> {
        super::write(&super::folder(database)?.join(NAME), self)
    }

    /// A person has decided, or the store refuses no longer.
    pub fn forget(database: &Path) -> Result<()> {
        files::remove(super::LABEL, &super::folder(database)?.join(NAME)).map(drop)
    }

    /// The same refusal again, where the store could not be asked.
    pub fn again(self, why_not_asked: &Error) -> Error {
        let error = Error::new(Code::Busy, self.message).because(format!(
            "refused at {}, and could not be asked again: {}",
            self.at,
            why_not_asked.chain()
        ));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Whether a store has refused `database`, and nothing was decided since.
///
/// # Errors
/// Where that cannot be read.
pub fn is_refused(database: &Path) -> Result<bool> {
    Ok(Refusal::load(database)?.is_some())
}
