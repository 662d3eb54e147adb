use follow::replicate::scene::Scene;

use super::*;
use crate::backup;

fn options(scene: &Scene, replicas: &[&str]) -> Options {
    let access = (!replicas.is_empty()).then(|| Access {
        replicas: scene.options(replicas).replicas,
        store: store::objects::StoreOptions::default(),
        keys: Keys::default(),
        accept: store::plan::Accept::default(),
        epoch: None,
        backups: None,
    });
    Options {
        backups: scene.path("backup"),
        keys: Keys::default(),
        access,
        database: scene.path("app.db"),
        scratch: scene.folder.path().to_owned(),
        wait: Duration::from_secs(5),
        now: Timestamp::now(),
    }
}

fn back_up(scene: &Scene) -> String {
    back_up_for(scene, None)
}

fn back_up_for(scene: &Scene, recipients: Option<store::encryption::Recipients>) -> String {
    let made = backup::take(&backup::Options {
        database: scene.path("app.db"),
        backups: scene.path("backup"),
        keep: None,
        wait: Duration::from_secs(5),
        now: Timestamp::now(),
        dry_run: false,
        recipients,
        adopt_backups: false,
    });
    made.unwrap().file
}

fn scene() -> Scene {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("backup")).unwrap();
    scene.insert(20);
    scene
}

fn outcomes(rehearsals: &[Rehearsal]) -> Vec<(&str, Outcome)> {
    rehearsals.iter().map(|one| (one.source.as_str(), one.outcome)).collect()
}

#[test]
fn every_source_is_restored_and_the_catalog_knows() {
    let scene = scene();
    let file = back_up(&scene);
    scene.once(&["one"]).unwrap();
    let options = options(&scene, &["one"]);
    let rehearsals = run(&options).unwrap();
    let url = options.access.as_ref().unwrap().replicas[0].to_string();
    assert_eq!(outcomes(&rehearsals), [(BACKUP, Outcome::Good), (&*url, Outcome::Good)], "{rehearsals:?}");
    assert_eq!(rehearsals[0].point, Some(file));
    assert!(rehearsals.iter().all(|one| one.bytes > Some(0) && one.point_at.is_some()), "{rehearsals:?}");
    let known = status::read(&scene.path("backup")).unwrap();
    assert_eq!(known.rehearsals().len(), 2);
    let left = std::fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().contains("rehearsal")), "the scratch space is cleared");
}

#[test]
fn a_damaged_source_fails_its_rehearsal_and_no_other() {
    let scene = scene();
    let file = back_up(&scene);
    scene.once(&["one"]).unwrap();
    let path = scene.path("backup").join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let rehearsals = run(&options(&scene, &["one"])).unwrap();
    let of: Vec<Outcome> = rehearsals.iter().map(|one| one.outcome).collect();
    assert_eq!(of, [Outcome::Failed, Outcome::Good], "{rehearsals:?}");
    assert!(rehearsals[0].error.as_ref().unwrap().contains("damaged"), "{rehearsals:?}");
}

#[test]
fn an_encrypted_replica_is_not_rehearsed_without_an_identity_and_a_gap_fails() {
    let scene = scene();
    let new_key = store::encryption::NewKey::generate();
    let recipients = store::encryption::Recipients::parse([new_key.recipient().as_str()]).unwrap();
    let mut encrypted = scene.options(&["one"]);
    encrypted.recipients = Some(recipients);
    encrypted.checkpointer.once = true;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    follow::replicate::run(&encrypted, &stop).unwrap();
    for _ in 0..2 {
        scene.insert(1);
        stop.store(false, std::sync::atomic::Ordering::Relaxed);
        follow::replicate::run(&encrypted, &stop).unwrap();
    }
    let mut options = options(&scene, &["one"]);
    let rehearsals = run(&options).unwrap();
    assert_eq!(rehearsals[0].outcome, Outcome::NotRehearsed, "{rehearsals:?}");

    let key = scene.path("key");
    new_key.write(&key, Timestamp::now()).unwrap();
    give(&mut options, Keys::new(Some(key), false));
    let rehearsals = run(&options).unwrap();
    assert_eq!(rehearsals[0].outcome, Outcome::Good, "{rehearsals:?}");

    give(&mut options, Keys::default());
    let level = scene.epochs("one")[0].join("ltx/0");
    std::fs::remove_file(level.join("0000000000000002-0000000000000002.ltx.age")).unwrap();
    let rehearsals = run(&options).unwrap();
    assert_eq!(rehearsals[0].outcome, Outcome::Failed, "{rehearsals:?}");
}

fn give(options: &mut Options, keys: Keys) {
    options.access.as_mut().unwrap().keys = keys.clone();
    options.keys = keys;
}

#[test]
fn an_encrypted_backup_is_not_rehearsed_without_an_identity_and_damage_fails() {
    let scene = scene();
    let new_key = store::encryption::NewKey::generate();
    let key = scene.path("key");
    new_key.write(&key, Timestamp::now()).unwrap();
    let file = back_up_for(&scene, Some(store::encryption::Recipients::parse([new_key.recipient().as_str()]).unwrap()));
    let mut options = options(&scene, &[]);
    let rehearsals = run(&options).unwrap();
    assert_eq!(rehearsals[0].outcome, Outcome::NotRehearsed, "{rehearsals:?}");
    options.keys = Keys::new(Some(key), false);
    let rehearsals = run(&options).unwrap();
    assert_eq!((rehearsals[0].outcome, rehearsals[0].point.as_ref()), (Outcome::Good, Some(&file)), "{rehearsals:?}");

    options.keys = Keys::default();
    let path = scene.path("backup").join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let rehearsals = run(&options).unwrap();
    assert_eq!(rehearsals[0].outcome, Outcome::Failed, "{rehearsals:?}");
}

#[test]
fn nothing_to_rehearse_is_an_error() {
    let scene = scene();
    assert_eq!(run(&options(&scene, &[])).unwrap_err().code(), Code::NotFound);
}
