use std::os::unix::fs::FileExt;

use super::*;

pub(super) fn flip(path: &Path, offset: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// Every kind of damage is found with the identity and without it, and is never restored.
#[track_caller]
fn is_found(scene: &Scene, name: &str) {
    for keys in [Keys::default(), scene.keys("key")] {
        let outcomes = scene.verify(keys);
        let outcome = outcomes.iter().find(|outcome| outcome.file == name).unwrap();
        let error = outcome.error.as_ref().unwrap_or_else(|| panic!("nothing is found: {outcome:?}"));
        assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
        assert!(!outcome.is_verified());
    }
    let events = scene.events();
    let error = scene.restore(name, scene.keys("key")).unwrap_err();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    assert_eq!(scene.events(), events);
    scene.assert_tidy();
}

#[test]
fn a_flipped_bit_anywhere_is_damage_and_not_a_wrong_identity() {
    // Within the version, a recipient's stanza, the header's MAC, the content and its end.
    for part in [5, 60, 130, 6_000, u64::MAX] {
        let scene = Scene::new();
        let file = scene.backup().file;
        let length = fs::metadata(scene.stored(&file)).unwrap().len();
        flip(&scene.stored(&file), part.min(length - 1));
        is_found(&scene, &file);
    }
}

#[test]
fn a_file_that_was_cut_off_or_is_empty_is_damage() {
    for keep in [0, 10, 100, 4_000] {
        let scene = Scene::new();
        let file = scene.backup().file;
        fs::OpenOptions::new().write(true).open(scene.stored(&file)).unwrap().set_len(keep).unwrap();
        is_found(&scene, &file);
    }
}

#[test]
fn an_encrypted_file_under_another_ones_name_is_damage() {
    let scene = Scene::new();
    let first = scene.backup().file;
    scene.sql("UPDATE events SET message = 'A' || substr(message, 2)");
    let second = scene.backup().file;
    let length = |name: &str| fs::metadata(scene.stored(name)).unwrap().len();
    let (one, other) = (fs::read(scene.stored(&first)).unwrap(), fs::read(scene.stored(&second)).unwrap());
    if length(&first) == length(&second) {
        fs::write(scene.stored(&first), &other).unwrap();
    }
    fs::write(scene.stored(&second), &one).unwrap();
    is_found(&scene, &second);
}

#[test]
fn a_plain_file_under_an_encrypted_ones_name_is_damage() {
    let scene = Scene::new();
    scene.sql("UPDATE events SET message = 'short'; VACUUM");
    let file = scene.backup().file;
    let plain = scene.backup_for(None).unwrap().file;
    fs::copy(scene.stored(&plain), scene.stored(&file)).unwrap();
    is_found(&scene, &file);
}

#[test]
fn without_an_identity_it_is_compared_as_it_lies_there_and_never_verified_anew() {
    let scene = Scene::new();
    let file = scene.backup().file;
    let before = scene.catalog().newest_backup().unwrap().verified_at;
    let outcomes = scene.verify(Keys::default());
    assert!(outcomes[0].error.is_none() && !outcomes[0].is_verified());
    let why = outcomes[0].unopened.as_ref().unwrap();
    assert!(why.to_string().contains("those that were written"), "{why}");
    assert_eq!(scene.catalog().newest_backup().unwrap().verified_at, before);

    let outcomes = scene.verify(scene.keys("key"));
    assert!(outcomes[0].is_verified(), "{outcomes:?}");
    assert!(scene.catalog().newest_backup().unwrap().verified_at > before);
    assert_eq!(scene.catalog().newest_backup().unwrap().file, file);
}

#[test]
fn another_ones_identity_opens_nothing_and_makes_nothing_damaged() {
    let scene = Scene::new();
    key(&scene.path("other"));
    let file = scene.backup().file;
    let outcomes = scene.verify(scene.keys("other"));
    assert!(outcomes[0].error.is_none() && !outcomes[0].is_verified(), "{outcomes:?}");
    assert!(scene.catalog().newest_backup().is_some());
    let error = scene.restore(&file, scene.keys("other")).unwrap_err();
    assert_eq!(error.code(), Code::Usage);
    assert!(error.chain().contains("none of the identities decrypts"), "{}", error.chain());
    scene.assert_tidy();
}

#[test]
fn a_file_that_the_catalog_does_not_know_is_not_verified_until_an_identity_opens_it() {
    let scene = Scene::new();
    let file = scene.backup().file;
    fs::remove_file(scene.stored(catalog::FILE)).unwrap();
    let outcomes = scene.verify(Keys::default());
    assert!(outcomes[0].error.is_none() && !outcomes[0].is_verified(), "{outcomes:?}");
    let listed = crate::listing::list(&scene.path("backup"), Timestamp::now()).unwrap();
    assert!(listed[0].encrypted && !listed[0].verified && listed[0].error.is_none(), "{listed:?}");

    assert!(scene.verify(scene.keys("key"))[0].is_verified());
    let catalog = scene.catalog();
    let point = catalog.newest_backup().unwrap();
    assert_eq!((point.file.as_str(), point.events, point.encrypted), (file.as_str(), Some(3), true));
    scene.assert_tidy();
}
