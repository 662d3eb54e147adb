//! What a folder promises beyond that.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pra_core::Code;
use store::objects::{Put, Store, StoreOptions};

use crate::places::{folder, noise};

#[tokio::test]
async fn a_file_has_the_time_that_it_was_given() {
    let place = folder(StoreOptions::default());
    place.store.put_new("e/ltx/0/1.ltx", b"x".to_vec(), 1_700_000_000_123).await.unwrap();
    let meta = std::fs::metadata(place.folder.unwrap().path().join("e/ltx/0/1.ltx")).unwrap();
    assert_eq!((meta.mtime(), meta.mtime_nsec(), meta.nlink()), (1_700_000_000, 123_000_000, 1));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_out_of_reach_and_not_empty() {
    let place = folder(StoreOptions::default());
    let path = place.folder.as_ref().unwrap().path().join("mount/replica");
    let store = Store::open(&format!("file://{}", path.display()).parse().unwrap(), &StoreOptions::default()).unwrap();
    for error in [
        store.list("").await.unwrap_err(),
        store.folders().await.unwrap_err(),
        store.get("lease.json").await.unwrap_err(),
        store.read("lease.json", 10).await.unwrap_err(),
        store.put_new("x", b"x".to_vec(), 0).await.unwrap_err(),
        store.delete(&["x".to_owned()]).await.unwrap_err(),
        store.now().await.unwrap_err(),
        store.put_lease("lease.json", "x".into(), None).await.unwrap_err(),
        // The folder above is not there either: a volume that is not mounted.
        store.probe().await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::OutOfReach, "{}", error.chain());
    }
    assert!(!path.parent().unwrap().exists());
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.list("").await.unwrap(), []);
}

#[tokio::test]
async fn after_an_interrupted_write_the_object_is_whole_or_absent_and_a_retry_succeeds() {
    let bytes = noise(300_000, 7);
    for last in 0.. {
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&steps);
        let stop = move |_label: &'static str| {
            if counted.fetch_add(1, Ordering::SeqCst) == last {
                Err(std::io::Error::other("cut short"))
            } else {
                Ok(())
            }
        };
        let place = folder(StoreOptions { before: Some(Arc::new(stop)), ..StoreOptions::default() });
        let cut = place.store.put_new("a/b", bytes.clone(), 0).await;
        let again = Store::open(place.store.url(), &StoreOptions::default()).unwrap();
        for object in again.list("").await.unwrap() {
            assert_eq!((object.key.as_str(), object.size), ("a/b", bytes.len() as u64));
        }
        let put = again.put_new("a/b", bytes.clone(), 0).await.unwrap();
        assert_eq!(again.read("a/b", 1 << 20).await.unwrap().0, bytes);
        if cut.is_ok() {
            assert_eq!(put, Put::Same);
            assert!(last >= 4, "only {last} steps were seen");
            return;
        }
    }
}

#[tokio::test]
async fn a_full_or_read_only_disk_is_told_as_such() {
    let place = folder(StoreOptions {
        before: Some(Arc::new(|label| match label {
            "folder-write" => Err(std::io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        })),
        ..StoreOptions::default()
    });
    let error = place.store.put_new("a", b"x".to_vec(), 0).await.unwrap_err();
    assert_eq!(error.code(), Code::Failed);
    assert!(error.hint_text().unwrap().contains("full"), "{error:?}");
    assert_eq!(place.store.list("").await.unwrap(), []);
}
