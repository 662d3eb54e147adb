//! What lies beside a database about its replicas, in `replica/` of its home (`.app.db.pra`).
//!
//! ```text
//! replica/parent.json   left by a restore: what the database came from: [`Origin`]
//!         refused.json  that a store has refused this database: [`Refusal`]
//!         …             what its replicator knows
//! ```

mod origin;
mod refusal;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use disk::{files, home};
use pra_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use origin::{Origin, forget as forget_origin, found as found_origin, settle as settle_origin};
pub use refusal::{Refusal, is_refused};

/// The label of the file operations here.
pub const LABEL: &str = "state";

const FOLDER: &str = "replica";

/// The folder, made where it is missing, also the home around it.
///
/// # Errors
/// Where it cannot be made.
pub fn make(database: &Path) -> Result<PathBuf> {
    let folder = home::make(database)?.join(FOLDER);
    files::make_folder_like(&folder, database)?;
    Ok(folder)
}

/// The folder in the home of `database`, which need not exist.
///
/// # Errors
/// Where the name of the database has none.
pub fn folder(database: &Path) -> Result<PathBuf> {
    Ok(home::folder(database)?.join(FOLDER))
}

/// What the file at `path` holds; `None` where there is none, or it is damaged, which is said.
///
/// # Errors
/// Where it cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the file is damaged and left aside");
            Ok(None)
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// Writes the file at `path`, durably.
///
/// # Errors
/// Where it cannot be written.
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    files::write_json(LABEL, path, value)
}
