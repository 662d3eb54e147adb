//! Epochs and leases, in every store.

use std::fs::File;
use std::time::{Duration, SystemTime};

use pra_core::{Code, DatabaseId, EpochId, WriterId};
use store::Scheme;
use store::epoch::{
    Database, Found, Head, LEASE_KEY, Manifest, Parent, Writer, acquire, acquire_from, create_epoch, list_epochs,
    manifest_key, observe, read_lease, require_nothing_foreign,
};
use store::objects::{Retry, Store, StoreOptions};

use crate::minio::{minio, options, url};
use crate::places::{Place, places};
use crate::proxy::Fault::{BusyAfter, DropAfter, DropBefore, Repeat, Truncate};
use crate::proxy::Proxy;

fn writer(host: &str) -> Writer {
    let uid = |name: &str| Some(format!("{name}-of-{host}"));
    let (namespace_uid, volume_uid) = (uid("namespace"), uid("volume"));
    Writer {
        id: WriterId::random(),
        host: host.to_owned(),
        namespace_uid,
        volume_uid,
        database: database(),
        path: "/data/app.db".into(),
    }
}

fn database() -> Database {
    Database { id: "0123456789abcdef0123456789abcdef".parse().unwrap(), name: "app.db".to_owned() }
}

fn head(txid: u64) -> Head {
    Head { epoch: "20261125T202345Z-1a2b3c4d".parse().unwrap(), txid, timestamp_ms: 1_700_000_000_000 }
}

fn manifest(epoch: EpochId, parent: Option<EpochId>) -> Manifest {
    Manifest {
        epoch,
        created_at: epoch.began(),
        page_size: 4096,
        parent: parent.map(|epoch| Parent { epoch, txid: 7 }),
        writer: WriterId::random(),
        encrypted: false,
        database: database(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_lease_keeps_it_and_others_are_told_who_that_is() {
    for Place { name, store, folder: _folder, .. } in &places().await {
        let (first, second) = (writer("first"), writer("second"));
        let (mut held, found) = acquire(store, &first, false).await.unwrap();
        assert_eq!(found, Found::Nothing, "{name}");
        for txid in 1..4 {
            held.renew(head(txid)).await.unwrap();
        }
        let error = acquire(store, &second, false).await.unwrap_err();
        assert_eq!(error.code(), Code::Busy, "{name}");
        let message = error.to_string();
        assert!(message.contains("'first'") && message.contains(&first.id.to_string()), "{message}");
        // A restart goes on, whether or not the lease was released.
        let (again, found) = acquire(store, &first, false).await.unwrap();
        let Found::Mine(lease) = found else { panic!("{name}: {found:?}") };
        assert_eq!((lease.head_txid, lease.epoch), (3, Some(head(3).epoch)));
        assert_eq!(again.lease().head_txid, 3);
        // The run before it is out.
        assert_eq!(held.renew(head(9)).await.unwrap_err().code(), Code::Busy, "{name}");
        again.release().await.unwrap();
        let (_, found) = acquire(store, &second, false).await.unwrap();
        assert!(matches!(&found, Found::Other(lease) if lease.head_txid == 3 && lease.released), "{name}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_the_paused_writer_is_told_by_whom_and_changes_nothing() {
    for Place { name, store, .. } in &places().await {
        let (mut paused, _) = acquire(store, &writer("paused"), false).await.unwrap();
        paused.renew(head(5)).await.unwrap();
        let (mut taker, found) = acquire(store, &writer("taker"), true).await.unwrap();
        assert!(matches!(&found, Found::Other(lease) if lease.head_txid == 5), "{name}: {found:?}");
        let error = paused.renew(head(6)).await.unwrap_err();
        assert_eq!(error.code(), Code::Busy, "{name}");
        assert!(error.to_string().contains("'taker'"), "{error}");
        assert_eq!(paused.release().await.unwrap_err().code(), Code::Busy);
        let (lease, _) = read_lease(store).await.unwrap().unwrap();
        assert_eq!((lease.writer.host.as_str(), lease.head_txid), ("taker", 5), "{name}");
        taker.renew(head(7)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_volume_is_found_out() {
    for Place { name, store, .. } in &places().await {
        let original = writer("production");
        acquire(store, &original, false).await.unwrap().0.release().await.unwrap();
        let copy = Writer { id: original.id, ..writer("staging") };
        let error = acquire(store, &copy, false).await.unwrap_err();
        assert!(error.to_string().contains("this is a copy"), "{name}: {error}");
        let (_, found) = acquire(store, &copy, true).await.unwrap();
        assert!(matches!(found, Found::Other(_)), "{name}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_lease_at_once_exactly_one_gets_it() {
    for Place { name, store, .. } in &places().await {
        let writers: Vec<_> = (0..4).map(|n| writer(&format!("host-{n}"))).collect();
        let leases = futures_util::future::join_all(writers.iter().map(|one| acquire(store, one, false))).await;
        assert_eq!(leases.iter().filter(|lease| lease.is_ok()).count(), 1, "{name}");
        for error in leases.iter().filter_map(|lease| lease.as_ref().err()) {
            assert_eq!(error.code(), Code::Busy, "{name}: {}", error.chain());
        }
        let (lease, _) = read_lease(store).await.unwrap().unwrap();
        let winner = leases.iter().position(Result::is_ok).unwrap();
        assert_eq!(lease.writer, writers[winner], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_expires_by_the_stores_clock() {
    let place = places().await.swap_remove(0);
    let (held, _) = acquire(&place.store, &writer("gone"), false).await.unwrap();
    assert!(held.binds_for() > Duration::from_secs(60));
    let lease = File::options().append(true).open(place.folder.as_ref().unwrap().path().join(LEASE_KEY)).unwrap();
    let seconds_ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    lease.set_modified(seconds_ago(60)).unwrap();
    assert_eq!(acquire(&place.store, &writer("next"), false).await.unwrap_err().code(), Code::Busy);
    lease.set_modified(seconds_ago(91)).unwrap();
    let (_, found) = acquire(&place.store, &writer("next"), false).await.unwrap();
    assert!(matches!(found, Found::Other(_)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_for_another_database_is_never_taken_over() {
    for Place { name, store, .. } in &places().await {
        let first = writer("first");
        acquire(store, &first, false).await.unwrap().0.release().await.unwrap();
        let other = Database { id: DatabaseId::random(), name: "auxiliary.db".to_owned() };
        for takeover in [false, true] {
            let second = Writer { database: other.clone(), ..writer("second") };
            let error = acquire(store, &second, takeover).await.unwrap_err();
            assert_eq!(error.code(), Code::Usage, "{name}: {}", error.chain());
        }
        assert_eq!(read_lease(store).await.unwrap().unwrap().0.writer, first, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_from_the_future_expires_if_it_is_not_renewed_for_90_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display()).parse().unwrap();
    let store = &Store::open(&url, &StoreOptions::default()).unwrap();
    store.probe().await.unwrap();
    let (mut held, _) = acquire(store, &writer("gone"), false).await.unwrap();
    let touch = || {
        let lease = File::options().append(true).open(folder.path().join(LEASE_KEY)).unwrap();
        lease.set_modified(SystemTime::now() + Duration::from_secs(400 * 86_400)).unwrap();
    };
    touch();
    let next = writer("next");
    let unchanged = observe(store, &next).await.unwrap().unwrap();
    let (_, found) = acquire_from(store, &next, false, Some(&unchanged)).await.unwrap();
    assert!(matches!(found, Found::Other(_)), "{found:?}");
    // What was found of one state says nothing of another.
    touch();
    let third = writer("third");
    assert_eq!(acquire_from(store, &third, false, Some(&unchanged)).await.unwrap_err().code(), Code::Busy);
    assert_eq!(held.renew(head(1)).await.unwrap_err().code(), Code::Busy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_foreign_objects_is_not_empty() {
    for Place { name, store, .. } in &places().await {
        require_nothing_foreign(store).await.unwrap();
        acquire(store, &writer("me"), false).await.unwrap();
        require_nothing_foreign(store).await.unwrap();
        store.put_new("ltx/0/0000000000000001-0000000000000001.ltx", b"x".to_vec(), 0).await.unwrap();
        let error = require_nothing_foreign(store).await.unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{name}");
        assert!(error.to_string().contains("Litestream"), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_file_whose_name_is_not_utf8_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.db")), "theirs").unwrap();
    let url = format!("file://{}", folder.path().display()).parse().unwrap();
    let store = Store::open(&url, &StoreOptions::default()).unwrap();
    let error = require_nothing_foreign(&store).await.unwrap_err();
    assert!(error.code() == Code::Usage && error.to_string().contains("caf\u{fffd}.db"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_cannot_be_understood_is_never_written_over() {
    for Place { name, store, .. } in &places().await {
        let newer = br#"{"format":"mini-pra-lease","version":3,"writer":"another"}"#;
        store.put_new(LEASE_KEY, newer.to_vec(), 0).await.unwrap();
        for takeover in [false, true] {
            let error = acquire(store, &writer("old"), takeover).await.unwrap_err();
            assert_eq!(error.code(), Code::Damaged, "{name}: {}", error.chain());
        }
        assert_eq!(store.read(LEASE_KEY, 1000).await.unwrap().0, newer.as_slice(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_whose_answers_were_all_lost_do_not_lose_the_lease() {
    let minio = minio().await;
    let proxy = Proxy::start(minio.address()).await;
    let mut through = options(proxy.address());
    through.retry = Retry { attempts: 3, first: Duration::from_millis(1), longest: Duration::from_millis(4) };
    let store = Store::open(&url(&format!("c-{:016x}", rand::random::<u64>())), &through).unwrap();
    let (mut held, _) = acquire(&store, &writer("me"), false).await.unwrap();
    for (txid, fault) in (1..).zip([DropAfter, BusyAfter, DropBefore, Truncate(10), Repeat]) {
        // The store is gone in the middle of a renewal, for longer than we try.
        proxy.plan(&[fault; 3]);
        if let Err(error) = held.renew(head(txid)).await {
            assert_eq!(error.code(), Code::OutOfReach, "{fault:?}: {}", error.chain());
        }
        proxy.plan(&[]);
        held.renew(head(100 + txid)).await.unwrap();
        assert_eq!(read_lease(&store).await.unwrap().unwrap().0.head_txid, 100 + txid, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_are_listed_in_their_order_and_written_once() {
    for Place { name, store, .. } in &places().await {
        assert_eq!(list_epochs(store).await.unwrap(), [], "{name}");
        let ids: Vec<EpochId> = ["20261124T000000Z-00000001", "20261125T000000Z-00000003", "20261125T000000Z-00000002"]
            .iter()
            .map(|id| id.parse().unwrap())
            .collect();
        let first = manifest(ids[0], None);
        let (second, third) = (manifest(ids[1], Some(ids[0])), manifest(ids[2], Some(ids[0])));
        for one in [&second, &first, &third] {
            create_epoch(store, one).await.unwrap();
        }
        let error = create_epoch(store, &manifest(ids[0], None)).await.unwrap_err();
        assert_eq!(error.code(), Code::Busy, "{name}");
        store.put_new("not-an-epoch/file", b"x".to_vec(), 0).await.unwrap();
        store.put_new(LEASE_KEY, b"x".to_vec(), 0).await.unwrap();
        assert_eq!(list_epochs(store).await.unwrap(), [first, third, second], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_without_its_manifest_is_damage_and_an_empty_one_is_gone() {
    for Place { name, store, .. } in &places().await {
        let one = manifest(EpochId::begin("2026-11-25T20:23:45Z".parse().unwrap()), None);
        create_epoch(store, &one).await.unwrap();
        let file = format!("{}/x.ltx", store::epoch::level_folder(Scheme::File, &one.epoch, 0));
        store.put_new(&file, b"x".to_vec(), 0).await.unwrap();
        store.delete(&[manifest_key(&one.epoch)]).await.unwrap();
        assert_eq!(list_epochs(store).await.unwrap_err().code(), Code::Damaged, "{name}");
        store.delete(&[file]).await.unwrap();
        assert_eq!(list_epochs(store).await.unwrap(), [], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_and_epochs_may_move_between_threads() {
    for place in places().await {
        let store = place.store.clone();
        let task = tokio::spawn(async move {
            let (mut held, _) = acquire(&store, &writer("me"), false).await?;
            create_epoch(&store, &manifest(head(1).epoch, None)).await?;
            held.renew(head(1)).await?;
            held.release().await?;
            list_epochs(&store).await
        });
        assert_eq!(task.await.unwrap().unwrap().len(), 1, "{}", place.name);
    }
}
