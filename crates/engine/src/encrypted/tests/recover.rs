use super::*;
use crate::init;
use crate::restore::How;

#[test]
fn an_encrypted_backup_is_restored_in_place_and_the_safety_copy_is_encrypted() {
    let scene = Scene::new();
    let file = scene.backup().file;
    scene.add(5);
    let report = scene.restore(&file, scene.keys("key")).unwrap();
    assert_eq!((report.mode, scene.events()), (How::InPlace, Some(3)));
    let copy = report.safety_copy.unwrap();
    assert!(copy.ends_with(".db.age") && report.warnings.is_empty(), "{copy} {:?}", report.warnings);
    scene.assert_tidy();
    assert!(scene.verify(scene.keys("key")).iter().all(Outcome::is_verified));
    scene.restore(&copy, scene.keys("key")).unwrap();
    assert_eq!(scene.events(), Some(8));
}

#[test]
fn a_replacement_encrypts_the_state_before_also_where_it_cannot_be_read() {
    let scene = Scene::new();
    let file = scene.backup().file;
    scene.add(5);
    let options = restore::Options { mode: Mode::Replace, ..scene.restoring(&file, scene.keys("key")) };
    let report = restore::run(&options).unwrap();
    assert_eq!((report.mode, scene.events()), (How::Replace, Some(3)));
    let copy = report.safety_copy.unwrap();
    scene.assert_tidy();
    scene.restore(&copy, scene.keys("key")).unwrap();
    assert_eq!(scene.events(), Some(8));

    let mut bytes = fs::read(scene.database()).unwrap();
    bytes[..100].fill(7);
    bytes.extend_from_slice(WORD.as_bytes());
    scene.lose();
    fs::write(scene.database(), bytes).unwrap();
    let report = scene.restore(&file, scene.keys("key")).unwrap();
    let kept = report.safety_copy.unwrap();
    assert!(kept.ends_with(".db.age"));
    let catalog = scene.catalog();
    let point = catalog.points().iter().find(|point| point.file == kept).unwrap();
    assert!(point.error.is_some() && !point.is_verified());
    scene.assert_tidy();
}

#[test]
fn a_safety_copy_that_a_killed_restore_left_is_encrypted_by_the_next_backup() {
    let scene = Scene::new();
    let plain = scene.backup_for(None).unwrap().file;
    let left = scene.path(".app.db.pra/.pra-kept-pre-restore-2025-01-10-12-00.db");
    fs::rename(scene.stored(&plain), &left).unwrap();
    fs::write(scene.path(".pra-tmp-restore-scratch-1-app.db"), "plaintext").unwrap();
    fs::write(scene.path(".app.db.pra/.pra-tmp-kept-pre-restore-2025-01-10-12-01.db.age"), "half").unwrap();

    scene.backup_for(None).unwrap();
    assert!(left.exists(), "it was to be encrypted, and is not published in plain");
    scene.add(1);
    scene.backup();
    let catalog = scene.catalog();
    let point = catalog.points().iter().find(|one| one.file == "pre-restore-2025-01-10-12-00.db.age").unwrap();
    assert!(point.is_verified() && point.events == Some(3), "{point:?}");
    for folder in [scene.folder.path(), &scene.path(".app.db.pra")] {
        assert!(!listed(folder).iter().any(|path| is_ours(path)));
    }
}

#[test]
fn without_an_identity_an_encrypted_backup_is_refused_with_what_to_do() {
    let scene = Scene::new();
    let file = scene.backup().file;
    let error = scene.restore(&file, Keys::default()).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.hint_text().unwrap().contains("--identity"), "{}", error.chain());
    for missing in ["missing", "backup/catalog.db"] {
        let error = scene.restore(&file, scene.keys(missing)).unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{}", error.chain());
    }
}

#[test]
fn with_an_identity_a_plain_backup_is_refused_unless_that_is_accepted() {
    let scene = Scene::new();
    let file = scene.backup_for(None).unwrap().file;
    // It is not read: nothing encrypted is met.
    let error = scene.restore(&file, scene.keys("missing")).unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    assert!(error.chain().contains("is not encrypted, and an identity was given"), "{}", error.chain());
    assert!(error.hint_text().unwrap().contains("--accept-plaintext"));
    scene.restore(&file, Keys::new(Some(scene.path("missing")), true)).unwrap();
}

#[test]
fn what_a_killed_restore_has_opened_is_removed_by_the_next() {
    let scene = Scene::new();
    let file = scene.backup().file;
    let left = scene.path(".pra-tmp-restore-scratch-1-app.db");
    fs::write(&left, "plaintext").unwrap();
    let held = scene.path(".pra-tmp-restore-scratch-2-app.db");
    let lock = fs::File::create(&held).unwrap();
    let lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    scene.restore(&file, scene.keys("key")).unwrap();
    assert!(!left.exists());
    assert!(held.exists(), "another restore is using it");
    drop(lock);
}

fn initialise(scene: &Scene, keys: Keys, accept_older: bool) -> Result<init::Report> {
    init::run(&init::Options {
        database: scene.database(),
        backups: scene.path("backup"),
        schema: Some(init::EVENTS_SCHEMA.to_owned()),
        keep_journal_mode: false,
        accept_older,
        wait: 5 * SECOND,
        now: Timestamp::now(),
        dry_run: false,
        keys,
        access: None,
        accept_unreachable: false,
        first_install: false,
        adopt_backups: false,
    })
}

#[test]
fn an_empty_volume_waits_for_the_identity_and_never_starts_empty() {
    let scene = Scene::new();
    scene.backup_for(None).unwrap();
    let file = scene.backup().file;
    scene.lose();
    for accept_older in [false, true] {
        let error = initialise(&scene, Keys::default(), accept_older).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.hint_text().unwrap().contains("--identity"));
        assert!(!scene.database().exists());
    }
    let report = initialise(&scene, scene.keys("key"), false).unwrap();
    assert_eq!((report.outcome, report.point.as_deref()), (init::Outcome::Restored, Some(file.as_str())));
    assert_eq!(scene.events(), Some(3));
    assert!(!listed(scene.folder.path()).iter().any(|path| is_ours(path)));
}

#[test]
fn init_reads_no_identity_where_nothing_encrypted_is_opened() {
    let scene = Scene::new();
    assert_eq!(initialise(&scene, scene.keys("missing"), false).unwrap().outcome, init::Outcome::Kept);
    scene.lose();
    assert_eq!(initialise(&scene, scene.keys("missing"), false).unwrap().outcome, init::Outcome::Created);
}

#[test]
fn init_with_an_identity_refuses_a_newest_backup_that_is_plain() {
    let scene = Scene::new();
    scene.backup();
    scene.add(1);
    scene.backup_for(None).unwrap();
    scene.lose();
    let error = initialise(&scene, scene.keys("key"), false).unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    assert!(error.hint_text().unwrap().contains("--accept-plaintext"), "{}", error.chain());
    assert!(!scene.database().exists());
    let report = initialise(&scene, scene.keys("key"), true).unwrap();
    assert_eq!((scene.events(), report.skipped.len()), (Some(3), 1));
}
