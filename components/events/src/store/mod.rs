//! The SQL: the two databases behind a few functions, each of which opens what it needs and closes it again.

mod append;
mod catalog;
mod data;
mod durability;
mod init;
mod read;
mod schedule;
mod schema;

pub(crate) use append::{Outcome, append};
pub(crate) use catalog::Catalog;
pub(crate) use read::{Event, Order, Page, PageRequest, count, event, latest, look, page, probe};

use crate::platform::SqlError;

/// Why a database could not do what was asked. Nothing has changed then, but where [`append`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another connection kept the lock for longer than we wait.
    #[error("the database is locked by another writer")]
    Busy,
    /// The tables are not there, and this component is told not to make them.
    #[error("the database is not initialised: run backup-job init")]
    Uninitialised,
    /// The tables are missing, but there are backups: this is a lost volume and not a new application.
    #[error("the database is empty but backups exist: run backup-job init or restore")]
    BackupsExist,
    /// The tables are missing, and it is unknown whether there are backups.
    #[error("the database is empty and the catalog of backups cannot be read: {0}")]
    CatalogUnreadable(String),
    /// Anything else, in SQLite's words.
    #[error("the database failed: {0}")]
    Failing(String),
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Locked(_) => Self::Busy,
            SqlError::NoSuchTable(_) => Self::Uninitialised,
            SqlError::CannotOpen(message) | SqlError::Other(message) => Self::Failing(message),
        }
    }
}
