//! What a restore leaves for the replicator: what the database came from.
//!
//! ```text
//! init:     note, with the content that is to come ─ fill ─ note, without it
//! replace:  note, of the new file ─ rename
//! ```
//! It belongs to the file that the restore wrote, and only where that holds what was to be written: whoever is killed in
//! between leaves no word about another database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::files::{self, FileId};
use disk::progress::Progress;
use disk::{home, snapshot, sqlite};
use pra_core::checksum::Checksum;
use pra_core::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use store::epoch::Parent;

use super::state;

const NAME: &str = "parent.json";

/// Longest wait for a lock, to see what a database holds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// What a database came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    file: FileId,
    /// The point in a replica; `None`: a backup.
    pub(super) parent: Option<Parent>,
    /// What the file is to hold once it is written; `None`: it is.
    content: Option<Checksum>,
}

impl Origin {
    /// Of the database that `file` holds or, where its `content` is given, is to hold.
    ///
    /// # Errors
    /// Where the file cannot be looked at, or is not there.
    pub fn of(file: &Path, parent: Option<Parent>, content: Option<Checksum>) -> Result<Self> {
        let missing = || Error::new(Code::Failed, format!("'{}' is not there any more", file.display()));
        Ok(Self { file: FileId::of(file)?.ok_or_else(missing)?, parent, content })
    }

    /// Leaves it for the replicator of `database`. Only where there is one: `is_replicated`, or it has been here before.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn leave(&self, database: &Path, is_replicated: bool) -> Result<()> {
        if !is_replicated && !state::folder(database)?.exists() {
            return Ok(());
        }
        home::make(database)?;
        state::Home::open(database)?;
        state::write(&path(database)?, self)
    }
}

/// What a restore left for the database that lies at `database` now; what it left for another is removed.
///
/// # Errors
/// Where it cannot be read, or the database cannot.
pub(super) fn found(database: &Path) -> Result<Option<Origin>> {
    settle(database)?;
    state::read(&path(database)?)
}

/// Decides on a note whose restore may have ended before it was done: it stays where the database is what was to be
/// written, and goes where it is not.
///
/// # Errors
/// As [`found`].
pub fn settle(database: &Path) -> Result<()> {
    let Some(origin) = state::read::<Origin>(&path(database)?)? else { return Ok(()) };
    let is_whole = match origin.content {
        _ if FileId::of(database)? != Some(origin.file) => false,
        None => return Ok(()),
        Some(content) => holds(database)? == Some(content),
    };
    if is_whole {
        return state::write(&path(database)?, &Origin { content: None, ..origin });
    }
    tracing::warn!(database = %database.display(), "a restore was not finished here: what it left is not of this database");
    forget(database)
}

/// The new epoch has taken it up, or it is of another file.
pub(super) fn forget(database: &Path) -> Result<()> {
    files::remove(state::LABEL, &path(database)?).map(drop)
}

fn path(database: &Path) -> Result<PathBuf> {
    Ok(state::folder(database)?.join(NAME))
}

/// The checksum of what a database holds; `None` where it holds nothing.
fn holds(database: &Path) -> Result<Option<Checksum>> {
    let failed = |e| disk::sqlite::failed("read", database, e);
    let connection = sqlite::open_live(database, LOCK_WAIT)?;
    connection.execute_batch("BEGIN").map_err(failed)?;
    let Some((shape, _)) = sqlite::shape(&connection).map_err(failed)? else { return Ok(None) };
    let progress = Progress::bytes("verifying", shape.bytes());
    Ok(Some(snapshot::checksums(&connection, shape, &progress)?.content))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::replicate::service_tests::Scene;

    /// The database of `scene`, as a restore brings it to an empty place, and the note of a step on the way.
    fn restored(scene: &Scene, content: impl FnOnce(&Path) -> Option<Checksum>) -> Scene {
        let place = Scene::new();
        for sidecar in ["app.db-wal", "app.db-shm"] {
            drop(fs::remove_file(place.path(sidecar)));
        }
        fs::copy(scene.path("app.db"), place.path("app.db")).unwrap();
        let database = place.path("app.db");
        let origin = Origin::of(&database, None, content(&database)).unwrap();
        origin.leave(&database, true).unwrap();
        place
    }

    /// The URL of the replica that `scene` feeds, fed from `place`.
    fn feed(place: &Scene, scene: &Scene) -> Result<()> {
        let mut options = place.options_once(&[]);
        options.replicas = scene.options(&["one"]).replicas;
        crate::replicate::run(&options, &std::sync::Arc::default()).map(drop)
    }

    #[test]
    fn a_restore_that_was_killed_before_its_last_note_is_taken_for_what_it_is() {
        let scene = Scene::new();
        scene.insert(5);
        scene.once(&["one"]).unwrap();
        let place = restored(&scene, |database| holds(database).unwrap());
        feed(&place, &scene).unwrap();
        assert_eq!(scene.epochs("one").len(), 2);
        assert!(!path(&place.path("app.db")).unwrap().exists(), "it is taken up once");
    }

    #[test]
    fn what_the_application_made_where_a_restore_was_killed_is_not_taken_for_the_restore() {
        let scene = Scene::new();
        scene.insert(5);
        scene.once(&["one"]).unwrap();
        let place = restored(&scene, |database| holds(database).unwrap());
        place.insert(1);
        let error = feed(&place, &scene).unwrap_err();
        assert!(error.to_string().contains("was not restored from it"), "{error}");
        assert_eq!(scene.epochs("one").len(), 1);
    }

    #[test]
    fn what_a_restore_left_is_not_taken_for_another_file() {
        let scene = Scene::new();
        scene.insert(5);
        scene.once(&["one"]).unwrap();
        let place = restored(&scene, |_| None);
        let database = place.path("app.db");
        fs::copy(&database, place.path("copy")).unwrap();
        fs::rename(place.path("copy"), &database).unwrap();
        let error = feed(&place, &scene).unwrap_err();
        assert!(error.to_string().contains("was not restored from it"), "{error}");
    }
}
