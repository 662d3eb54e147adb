//! What a restore leaves is taken up once, and never for another file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use disk::progress::Progress;
use disk::{snapshot, sqlite};
use pra_core::Result;
use pra_core::checksum::Checksum;
use store::beside::{self, Origin};

use super::scene::Scene;

/// The checksum of what a database holds.
fn holds(database: &Path) -> Option<Checksum> {
    let connection = sqlite::open_live(database, Duration::from_secs(2)).unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let (shape, _) = sqlite::shape(&connection).unwrap()?;
    Some(snapshot::checksums(&connection, shape, &Progress::none()).unwrap().content)
}

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
    super::run(&options, &std::sync::Arc::default()).map(drop)
}

#[test]
fn a_restore_that_was_killed_before_its_last_note_is_taken_for_what_it_is() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let place = restored(&scene, holds);
    feed(&place, &scene).unwrap();
    assert_eq!(scene.epochs("one").len(), 2);
    assert!(!beside::folder(&place.path("app.db")).unwrap().join("parent.json").exists(), "it is taken up once");
}

#[test]
fn what_the_application_made_where_a_restore_was_killed_is_not_taken_for_the_restore() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let place = restored(&scene, holds);
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
