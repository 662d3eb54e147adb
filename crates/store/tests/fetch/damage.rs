//! A damaged object is an error that names it.

use std::sync::Arc;

use pra_core::{Code, Error};
use proptest::prelude::*;
use store::fetch::{Open, Options, fetch};

use crate::fixture::{Database, Memory, databases};

fn three_files() -> (Database, Memory, Vec<store::fetch::Object>) {
    let database = Database::new(512, &[(5, vec![]), (6, vec![1]), (6, vec![2])]);
    let store = Memory::default();
    let objects = store.add_chain(&database, &[(1, 1), (2, 2), (3, 3)]);
    (database, store, objects)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_changed_byte_anywhere_is_found((database, chain) in databases(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let store = Memory::default();
        let objects = store.add_chain(&database, &chain);
        let which = at.index(objects.len());
        {
            let mut files = store.objects.lock().unwrap();
            let file = files.get_mut(&objects[which].key).unwrap();
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        match store.fetch(&objects, None, &Options::default()) {
            Err(error) => prop_assert_eq!(error.code(), Code::Damaged, "{}", error.chain()),
            // Another way to compress the same page.
            Ok((_, bytes)) => prop_assert!(bytes == database.bytes(database.states.len() as u64)),
        }
    }

    #[test]
    fn a_shortened_file_is_found((database, chain) in databases(), at in any::<prop::sample::Index>(), listed in any::<bool>()) {
        let store = Memory::default();
        let mut objects = store.add_chain(&database, &chain);
        let which = at.index(objects.len());
        let length = at.index(objects[which].size as usize);
        store.objects.lock().unwrap().get_mut(&objects[which].key).unwrap().truncate(length);
        if listed {
            objects[which].size = length as u64;
        }
        let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
        prop_assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    }
}

#[test]
fn a_vanished_object_is_not_damage() {
    let (_, store, objects) = three_files();
    for object in &objects {
        let file = store.objects.lock().unwrap().remove(&object.key).unwrap();
        let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.to_string(), format!("there is no '{}'", object.key));
        store.objects.lock().unwrap().insert(object.key.clone(), file);
    }
}

#[test]
fn a_file_under_another_name_is_found() {
    let (database, store, mut objects) = three_files();
    objects[1] = store.add(2, 2, database.file(3, 3, database.checksum(3)));
    let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("'{}' holds transactions 0000000000000003 to 0000000000000003", objects[1].key)
    );
}

#[test]
fn a_file_of_another_page_size_is_found() {
    let (_, store, mut objects) = three_files();
    let other = Database::new(1024, &[(5, vec![]), (6, vec![1])]);
    objects[1] = store.add(2, 2, other.file(2, 2, 0));
    let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
    assert!(error.to_string().ends_with("has pages of 1024 bytes instead of 512"), "{error}");
}

#[test]
fn bytes_behind_the_end_are_found() {
    let (database, store, mut objects) = three_files();
    let mut file = database.file(2, 2, database.checksum(2));
    file.extend([0; 9]);
    objects[1] = store.add(2, 2, file);
    assert_eq!(store.fetch(&objects, None, &Options::default()).unwrap_err().code(), Code::Damaged);
}

#[test]
fn the_whole_is_held_against_the_last_files_checksum() {
    let (database, store, mut objects) = three_files();
    objects[2] = store.add(3, 3, database.file(3, 3, database.checksum(2)));
    let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
    assert!(error.to_string().starts_with("the restored database has the checksum"), "{error}");
}

#[test]
fn a_page_that_no_file_has_is_found() {
    let (database, store, mut objects) = three_files();
    // Page 6 came with transaction 2; this file of transaction 3 pretends to continue 1.
    objects.remove(1);
    objects[1] = store.add(2, 3, database.file(3, 3, 0));
    let error = store.fetch(&objects, None, &Options::default()).unwrap_err();
    assert_eq!(error.code(), Code::Damaged);

    let grown = Database::new(512, &[(5, vec![]), (5, vec![1])]);
    let (mut file, base) = (grown.clone(), store.add(1, 1, grown.file(1, 1, 0)));
    file.states[1].push((1, vec![0; 512]));
    let next = store.add(2, 2, file.file(2, 2, 0));
    let error = store.fetch(&[base, next], None, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "page 6 is in none of the files");
}

#[test]
fn a_chain_with_a_hole_is_refused() {
    let (_, store, mut objects) = three_files();
    objects.remove(1);
    assert_eq!(store.fetch(&objects, None, &Options::default()).unwrap_err().code(), Code::Usage);
    assert_eq!(store.fetch(&[], None, &Options::default()).unwrap_err().code(), Code::Usage);
}

#[test]
fn what_the_encryption_says_goes_on_as_it_is() {
    let (_, store, objects) = three_files();
    let open: Open = Arc::new(|_| Err(Error::new(Code::Usage, "none of the identities fits")));
    let error = store.fetch(&objects, Some(open), &Options::default()).unwrap_err();
    assert_eq!((error.code(), error.to_string()), (Code::Usage, "none of the identities fits".to_owned()));
}

#[test]
fn a_database_that_cannot_be_written_is_an_error() {
    let (_, store, objects) = three_files();
    let path = tempfile::NamedTempFile::new().unwrap();
    let read_only = std::fs::File::open(path.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(fetch(&store, &objects, None, read_only, &Options::default())).unwrap_err();
    assert_eq!((error.code(), error.to_string()), (Code::Failed, "failed to write the restored database".to_owned()));
}
