//! Which database a store is to hold. A replica is of one database for ever; nothing ends that, no `--takeover` either.
//!
//! | this database | the store | then |
//! |---|---|---|
//! | has an id | has the same, or nothing | it is given to this database |
//! | has an id | has another | refused: it needs a URL of its own |
//! | has none | has nothing | it gets an id |
//! | has none, and was followed or restored here, or `--takeover` says that it is the same | has one | it takes that id |
//! | has none, and nothing says where it comes from | has one | a stranger, as ever: refused once the lease is free |

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use disk::home;
use pra_core::{DatabaseId, Result};
use store::epoch::{self, Database};

use super::worker::{Worker, blocking};

impl Worker {
    /// Which database this is, for the lease; `may_adopt`: it is the one that the store holds, where it does not know
    /// itself.
    pub(super) async fn owner(&self, may_adopt: bool) -> pra_core::Result<DatabaseId> {
        let lease = epoch::read_lease(&self.store).await?;
        let epochs = epoch::list_epochs(&self.store).await?;
        if epochs.is_empty() {
            epoch::require_nothing_foreign(&self.store).await?;
        }
        let theirs = epochs.into_iter().map(|manifest| manifest.database);
        let theirs: Vec<Database> = theirs.chain(lease.map(|(lease, _)| lease.writer.database)).collect();
        let (database, first) = (self.database.clone(), theirs.first().map(|database| database.id));
        let id = blocking(move || decide(&database, first, may_adopt)).await?;
        let ours = Database { id, name: self.identity.database.clone() };
        theirs.iter().try_for_each(|theirs| theirs.require(&ours))?;
        Ok(id)
    }
}

/// Stores are reached at once, and the first one decides.
static DECIDING: Mutex<()> = Mutex::new(());

fn decide(database: &Path, theirs: Option<DatabaseId>, may_adopt: bool) -> Result<DatabaseId> {
    let _one_at_a_time = DECIDING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(id) = home::recorded_id(database)? {
        return Ok(id);
    }
    let id = theirs.unwrap_or_else(DatabaseId::random);
    if theirs.is_none() || may_adopt {
        home::adopt(database, id)?;
    }
    Ok(id)
}
