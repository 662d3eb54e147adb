//! Which database a replica is of: one, for ever.

use std::fmt;

use pra_core::{Code, DatabaseId, Error, Result};
use serde::{Deserialize, Serialize};

/// A database, as a lease and a manifest name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Its own, whatever becomes of its file.
    #[serde(rename = "database_id")]
    pub id: DatabaseId,
    /// Its file's name, for people.
    #[serde(rename = "database")]
    pub name: String,
}

impl Database {
    /// What is in a store is of this database: it must be `ours`.
    ///
    /// # Errors
    /// [`Code::Usage`] where it is another one.
    pub fn require(&self, ours: &Self) -> Result<()> {
        if self.id == ours.id {
            return Ok(());
        }
        Err(Error::new(Code::Usage, format!("the replica is of the database {self}, and this one is {ours}"))
            .hint("one replica holds one database: give this one a URL of its own"))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ({})", self.name, self.id)
    }
}
